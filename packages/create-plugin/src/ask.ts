import type { Readable, Writable } from 'node:stream'
import { cancel, intro, isCancel, select, text } from '@clack/prompts'
import { KIND_TEMPLATES, TEMPLATE_KINDS, type TemplateKind } from './kinds.js'
import { nameProblem } from './names.js'

export interface Answers {
  readonly kind: TemplateKind
  readonly name: string
}

export type GivenAnswers = { readonly [K in keyof Answers]?: Answers[K] | undefined }

/** Where questions are asked and answered. */
export interface Streams {
  readonly input: Readable
  readonly output: Writable
}

/** Asks for what the command line did not say; undefined when the reader leaves. */
export async function ask(
  given: GivenAnswers,
  streams: Streams = { input: process.stdin, output: process.stdout },
): Promise<Answers | undefined> {
  intro('A plugin for Lookalike', streams)
  const kind =
    given.kind ??
    (await select({
      ...streams,
      message: 'What kind of plugin?',
      options: TEMPLATE_KINDS.map((value) => ({ value, label: value, hint: KIND_TEMPLATES[value].hint })),
      initialValue: 'loss' as TemplateKind,
    }))
  if (isCancel(kind)) return leave(streams)
  const name =
    given.name ??
    (await text({
      ...streams,
      message: 'What is the package called?',
      placeholder: `lookalike-my-${kind}`,
      defaultValue: `lookalike-my-${kind}`,
      validate: (value) => (value ? nameProblem(value) : undefined),
    }))
  if (isCancel(name)) return leave(streams)
  return { kind, name }
}

function leave(streams: Streams): undefined {
  cancel('Nothing was written.', streams)
}
