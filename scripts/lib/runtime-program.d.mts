/** A module that prints `RUNTIME_RESULT` as JSON; its argument is a folder to work in. */
export const RUNTIME_PROGRAM: string
export const RUNTIME_RESULT: Readonly<Record<string, unknown>>
