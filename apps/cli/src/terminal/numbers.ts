import { LookalikeError } from '@lookalike/core'

/** The number of an option. @throws `cli/value` */
export function numberOption(name: string, text: string, expected: string, fits: (value: number) => boolean): number {
  const value = Number(text)
  if (text.trim() !== '' && fits(value)) return value
  throw new LookalikeError('cli/value', { problem: `--${name} is ${text}`, expected })
}

/** One of several words; `name` as people write it. @throws `cli/value` */
export function choiceOption<const T extends string>(name: string, text: string, choices: readonly T[]): T {
  const found = choices.find((choice) => choice === text)
  if (found !== undefined) return found
  throw new LookalikeError('cli/value', { problem: `${name} is ${text}`, expected: choices.join(', ') })
}
