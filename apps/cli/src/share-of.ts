import { LookalikeError } from '@lookalike/core'

/** A share between 0 and 1, both left out, from the command line. */
export function shareOf(name: string, text: string): number {
  const value = Number(text)
  if (text.trim() !== '' && value > 0 && value < 1) return value
  throw new LookalikeError('cli/value', { problem: `--${name} is ${text}`, expected: 'a share above 0 and below 1' })
}
