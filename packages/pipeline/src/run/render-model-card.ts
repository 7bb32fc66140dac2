import type { ModelCost, Preprocessing } from '@lookalike/core'

/** What a model card says; what is not known is left out. */
export interface ModelCardFacts {
  /** Of the run or the model. */
  readonly name: string
  /** What it was trained from, or is. */
  readonly encoder: string
  /** Below the card's folder, with forward slashes. */
  readonly file: string
  readonly dim?: number | undefined
  readonly preprocessing?: Preprocessing | undefined
  readonly trainer?: string | undefined
  readonly dataset?: string | undefined
  readonly metrics?: Readonly<Record<string, number>> | undefined
  readonly settings?: Readonly<Record<string, unknown>> | undefined
  /** Accuracy beside cost, of this model and of others. */
  readonly costs?: readonly ModelCost[] | undefined
  /** Of Node and of packages, by name. */
  readonly versions?: Readonly<Record<string, string>> | undefined
  readonly seed?: number | undefined
}

/**
 * A `README.md` in the form that model hubs read: facts as YAML between lines of three hyphens, then text for people.
 * https://huggingface.co/docs/hub/model-cards
 */
export function renderModelCard(facts: ModelCardFacts): string {
  return `${[...frontMatter(facts), '', ...text(facts)].join('\n')}\n`
}

/** Whether a text is a card that was written here, rather than by people. */
export const isModelCard = (text: string): boolean => text.startsWith(BEGINNING)

const BEGINNING = '---\nlibrary_name: lookalike\n'

function frontMatter({ name, dataset, metrics = {} }: ModelCardFacts): string[] {
  const figures = Object.entries(metrics).filter(([, value]) => Number.isFinite(value))
  const results = [
    'model-index:',
    `- name: ${yaml(name)}`,
    '  results:',
    '  - task:',
    '      type: image-feature-extraction',
    '    dataset:',
    `      name: ${yaml(dataset ?? 'unknown')}`,
    `      type: ${yaml(dataset ?? 'unknown')}`,
    '    metrics:',
    ...figures.flatMap(([figure, value]) => [`    - type: ${yaml(figure)}`, `      value: ${value}`]),
  ]
  return [
    '---',
    'library_name: lookalike',
    'pipeline_tag: image-feature-extraction',
    'tags:',
    '- image-similarity',
    '- image-retrieval',
    '- onnx',
    ...(figures.length > 0 ? results : []),
    '---',
  ]
}

function text(facts: ModelCardFacts): string[] {
  const { name, encoder, file, dim, preprocessing, trainer, dataset, metrics = {}, settings, versions, seed } = facts
  const table = (head: string, rows: readonly (readonly [string, unknown])[]) =>
    rows.length === 0
      ? []
      : [`| ${head} | |`, '| --- | --- |', ...rows.map(([key, value]) => `| ${cell(key)} | ${cell(value)} |`), '']
  const known = (rows: readonly (readonly [string, unknown])[]) => rows.filter(([, value]) => value !== undefined)
  return [
    `# ${line(name)}`,
    '',
    trainer === undefined
      ? 'Images to vectors; the similarity of two images is the inner product of their vectors.'
      : `Trained by Lookalike (${line(trainer)}) from ${line(encoder)}${dataset === undefined ? '' : ` on ${line(dataset)}`}. The similarity of two images is the inner product of their vectors.`,
    '',
    ...table(
      'figure',
      Object.entries(metrics).map(([figure, value]) => [figure, Number(value.toPrecision(5))]),
    ),
    ...table(
      'about',
      known([
        ['encoder', encoder],
        ['file', file],
        ['dimensions', dim],
        ['seed', seed],
      ]),
    ),
    ...(preprocessing ? describeInput(preprocessing) : []),
    ...(facts.costs ? describeCosts(facts.costs) : []),
    '## Use',
    '',
    '```sh',
    `npx lookalike index ./photos --model ${file}`,
    `npx lookalike search cat.jpg --model ${file}`,
    '```',
    '',
    ...(settings && Object.keys(settings).length > 0
      ? ['## Settings', '', '```json', JSON.stringify(settings, null, 2), '```', '']
      : []),
    ...table('version', Object.entries(versions ?? {})),
    'What it must not be used for, its licence, and what the images were: say it here before you share it.',
  ]
}

function describeInput({ resize, crop, interpolation, background, mean, std }: Preprocessing): string[] {
  const how =
    resize.mode === 'pad'
      ? `the whole image inside ${crop.width} x ${crop.height}, the rest filled with the colour ${background.join(', ')}. Processors of transformers cannot do that: pad images to this shape before you give them`
      : resize.mode === 'squash'
        ? `both edges to ${resize.width ?? crop.width} x ${resize.height ?? crop.height}, the centre ${crop.width} x ${crop.height} cut out`
        : `the short edge to ${resize.size}, the centre ${crop.width} x ${crop.height} cut out`
  return [`Input: ${how}; ${interpolation}; mean ${mean.join(', ')}, standard deviation ${std.join(', ')}.`, '']
}

function describeCosts(costs: readonly ModelCost[]): string[] {
  const figures = [...new Set(costs.flatMap(({ metrics }) => Object.keys(metrics)))]
  const number = (value: number | undefined, digits: number) => (value === undefined ? '' : value.toFixed(digits))
  const rows = costs.map(({ name, metrics, millionMultiplications, bytes, milliseconds }) => [
    name,
    ...figures.map((figure) => number(metrics[figure], 4)),
    number(millionMultiplications, 1),
    number(bytes === undefined ? undefined : bytes / 1000, 0),
    number(milliseconds, 1),
  ])
  const head = ['model', ...figures, 'million multiplications', 'kB, 32-bit weights', 'ms an image']
  return [
    '## Accuracy and cost',
    '',
    'On validation images; the time is from pixels to vector on the machine that trained.',
    '',
    ...[head, head.map((_, i) => (i === 0 ? '---' : '---:')), ...rows].map((row) => `| ${row.map(cell).join(' | ')} |`),
    '',
  ]
}

/** A text as YAML takes it in one line: JSON is YAML. */
const yaml = (value: string) => JSON.stringify(value)

const line = (value: string) => value.replace(/\s+/g, ' ').replace(/[<>]/g, (sign) => (sign === '<' ? '&lt;' : '&gt;'))

const cell = (value: unknown) => line(String(value)).replaceAll('|', '\\|')
