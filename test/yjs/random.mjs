// mulberry32: the same cases from the same seed everywhere.
export function random(seed) {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (t ^ (t >>> 14)) >>> 0;
  };
  const below = (n) => next() % n;
  return { next, below, chance: (n) => next() % n === 0, pick: (list) => list[below(list.length)] };
}

// In place, so that some keep their place.
export function shuffle(list, rng) {
  for (let i = list.length - 1; i > 0; --i) {
    if (i >= 20 && rng.chance(2)) continue;
    const other = rng.below(i + 1);
    [list[i], list[other]] = [list[other], list[i]];
  }
}
