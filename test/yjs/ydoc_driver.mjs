// The ydoc that the tests in Node compare with Yjs: ydoc_driver.cpp, which takes a line and
// gives one.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

export const hex = (bytes) => Buffer.from(bytes).toString('hex');

/** Starts the program; `ask` gives what stands behind the answer's first word, and throws
 * what begins with "error". `end` when nothing more is asked. */
export function openYdoc(program) {
  const driver = spawn(program, { stdio: ['pipe', 'pipe', 'inherit'] });
  const answers = createInterface({ input: driver.stdout })[Symbol.asyncIterator]();
  async function ask(...words) {
    driver.stdin.write(words.join(' ') + '\n');
    const { value, done } = await answers.next();
    if (done) throw new Error('the driver ended');
    if (value.startsWith('error')) throw new Error(value);
    return value.slice(value.indexOf(' ') + 1);
  }
  const askBytes = async (...words) => new Uint8Array(Buffer.from(await ask(...words), 'hex'));
  return { ask, askBytes, end: () => driver.stdin.end() };
}
