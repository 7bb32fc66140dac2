import { LookalikeError } from '@lookalike/core'

/** An error about a model repository's file on its images. */
export const configError = (name: string, problem: string) =>
  new LookalikeError(
    'preprocessing/config',
    {
      problem: `${name}: ${problem}`,
      expected: "an image processor's preprocessor_config.json whose every step can be followed",
      fix: 'Give the option `preprocessing` to say it yourself.',
    },
    { fields: { file: name } },
  )
