import { Code } from "../generated/converge.ts";

/** What the core calls the kinds of wrong (src/core/result.h), in its order. */
const coreCodes = ["malformed", "wrong_type", "out_of_range", "too_large", "clock", "invalid"] as const;

/** An error with a code that a program can tell apart: one of the core's
 * (`malformed`, `wrong_type`, `out_of_range`, `too_large`, `clock`, `invalid`),
 * or one of the wire's in lower case (`denied`, `unknown_document`, …). */
export class ConvergeError extends Error {
  override readonly name = "ConvergeError";
  constructor(
    readonly code: string,
    message: string,
    /** the figures; may be empty */
    readonly detail = "",
    /** of `violates_constraint`: PostgreSQL's SQLSTATE and the constraint's name;
     * the name is empty where a trigger said no */
    readonly violation?: { sqlstate: string; constraint: string },
  ) {
    super(message);
  }
}

/** The error for the core's ErrorCode number `code`. */
export function coreError(code: number, message: string, detail: string): ConvergeError {
  return new ConvergeError(coreCodes[code] ?? `error_${code}`, message, detail);
}

/** `Code.CODE_DENIED` → `denied`. */
export function codeName(code: Code): string {
  const name = Code[code] as string | undefined;
  return name === undefined ? `code_${code}` : name.replace(/^CODE_/, "").toLowerCase();
}
