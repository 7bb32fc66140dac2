import path from 'node:path'
import { expect, it } from 'vitest'
import { tryLine } from './try-line.js'

const folder = path.resolve('project')
const run = (file: string) => path.join(folder, 'runs', 'mine', file)

it('offers what was trained as what it is', () => {
  expect(tryLine(run('model.onnx'), undefined, folder, undefined)).toBe(
    `lookalike evaluate --model ${path.relative('.', run('model.onnx'))}`,
  )
  expect(
    tryLine(
      run('pair.onnx'),
      { kind: 'reranker', use: 'stir', option: 'model', path: 'file', options: { topN: 10 } },
      folder,
      'project',
    ),
  ).toBe(`lookalike evaluate --config project --rerankers='[{ use: stir, model: "runs/mine/pair.onnx", topN: 10 }]'`)
  expect(
    tryLine(
      run('x.json'),
      { kind: 'combiner', use: 'cross-model', option: 'folder', path: 'directory' },
      folder,
      undefined,
    ),
  ).toBe(`lookalike evaluate --combiner='{ use: cross-model, folder: "runs/mine" }'`)
  expect(tryLine(run('notes.json'), undefined, folder, undefined)).toBeUndefined()
})
