import { SPEC_VERSION } from '@lookalike/core'

/** What every part carries. */
export function checkCommon(
  part: { readonly specVersion?: unknown; readonly name?: unknown },
  report: (message: string) => void,
): void {
  if (part.specVersion !== SPEC_VERSION)
    report(`specVersion is ${JSON.stringify(part.specVersion)}; expected: "${SPEC_VERSION}"`)
  checkName(part.name, report)
}

export function checkName(name: unknown, report: (message: string) => void): void {
  if (typeof name !== 'string' || name === '') report(`name is ${JSON.stringify(name)}; expected: a text`)
}

export function checkWhole(value: unknown, what: string, least: number, report: (message: string) => void): void {
  if (!Number.isInteger(value) || (value as number) < least)
    report(`${what} is ${String(value)}; expected: a whole number, at least ${least}`)
}

export function checkText(value: unknown, what: string, report: (message: string) => void): void {
  if (typeof value !== 'string' || value === '') report(`${what} is ${JSON.stringify(value)}; expected: a text`)
}
