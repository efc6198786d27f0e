// The SQL box: runs a statement on the server, under the page's token.

interface Rows {
  columns?: string[];
  rows?: (string | null)[][];
  command: string;
  more: boolean;
}

interface Failure {
  message: string;
  sqlstate?: string;
  detail?: string;
  hint?: string;
  position?: number;
}

export interface SqlBoxOptions {
  url: string;
  token: string;
  /** what is in the box at first */
  statement: string;
}

/** Whether the server that the page came from runs statements. */
export async function hasSqlBox(): Promise<boolean> {
  const page = await fetch(location.pathname, { method: "HEAD", cache: "no-store" }).catch(() => undefined);
  return page?.headers.get("Converge-SQL-Box") === "on";
}

/** Shows the box in `section`. */
export function openSqlBox(section: HTMLElement, { url, token, statement }: SqlBoxOptions): void {
  const part = <T extends HTMLElement>(name: string) => section.querySelector<T>(name)!;
  const form = part<HTMLFormElement>(".sql-form");
  const area = part<HTMLTextAreaElement>(".sql-statement");
  const button = part<HTMLButtonElement>("button");
  const status = part(".sql-status");
  area.value = statement;
  area.rows = Math.max(area.rows, statement.split("\n").length + 1);
  section.hidden = false;

  const run = async () => {
    button.disabled = true;
    status.textContent = "running";
    showFailure(section, undefined, area);
    part(".sql-result").hidden = true;
    const began = performance.now();
    let answer: Rows | { error: Failure };
    try {
      const response = await fetch(url, {
        method: "POST",
        headers: { Authorization: `Bearer ${token}`, "Content-Type": "text/plain; charset=utf-8" },
        body: area.value,
      });
      answer = (await response.json()) as typeof answer;
    } catch {
      answer = { error: { message: "the server does not answer" } };
    }
    const took = `${Math.round(performance.now() - began)} ms`;
    button.disabled = false;
    if ("error" in answer) {
      status.textContent = `refused, ${took}`;
      showFailure(section, answer.error, area);
    } else {
      status.textContent = `${answer.command}${answer.more ? `, the first ${answer.rows?.length} rows` : ""}, ${took}`;
      showRows(part(".sql-result"), answer);
    }
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void run();
  });
  area.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    if (!button.disabled) form.requestSubmit(button);
  });
}

/** Shows what went wrong, or nothing; and marks the place in the statement. */
function showFailure(section: HTMLElement, failure: Failure | undefined, area: HTMLTextAreaElement): void {
  const show = (name: string, text: string | undefined) => {
    const element = section.querySelector<HTMLElement>(name)!;
    element.textContent = text ?? "";
    element.hidden = text === undefined;
  };
  show(".sql-message", failure && (failure.sqlstate === undefined ? failure.message : `${failure.message} (${failure.sqlstate})`));
  show(".sql-detail", failure?.detail);
  show(".sql-hint", failure?.hint);
  section.querySelector<HTMLElement>(".sql-error")!.hidden = failure === undefined;
  if (failure?.position === undefined) return;
  // The server counts characters, the area UTF-16 units.
  const characters = [...area.value];
  const before = characters.slice(0, failure.position - 1).join("");
  const word = /^(\w+|.)?/u.exec(characters.slice(failure.position - 1).join(""))?.[0] ?? "";
  area.focus();
  area.setSelectionRange(before.length, before.length + word.length);
}

function showRows(result: HTMLElement, { columns, rows }: Rows): void {
  result.hidden = columns === undefined;
  if (columns === undefined || rows === undefined) return;
  const table = result.querySelector("table")!;
  const head = table.createTHead();
  head.replaceChildren();
  const names = head.insertRow();
  for (const column of columns) {
    const cell = document.createElement("th");
    cell.scope = "col";
    cell.textContent = column;
    names.append(cell);
  }
  for (const body of [...table.tBodies]) body.remove();
  const body = table.createTBody();
  for (const values of rows) {
    const row = body.insertRow();
    for (const value of values) {
      const cell = row.insertCell();
      cell.textContent = value ?? "null";
      if (value === null) cell.className = "null";
    }
  }
}
