import { expect, it } from 'vitest'
import { createProgressLines } from './create-progress-lines.js'

it('writes a line every few seconds, and nothing for what is quickly done', () => {
  let time = 0
  const lines: string[] = []
  const progress = createProgressLines(
    (line) => lines.push(line),
    () => time,
  )
  for (let step = 0; step <= 200; step++) {
    time = step * 100
    progress.update({ phase: 'train', done: step, total: 1000, unit: 'step', note: 'loss 0.5' })
  }
  expect(lines).toEqual([
    'train: 50/1000 steps (5%), 10/s, 1 min 35 s left, loss 0.5',
    'train: 100/1000 steps (10%), 10/s, 1 min 30 s left, loss 0.5',
    'train: 150/1000 steps (15%), 10/s, 1 min 25 s left, loss 0.5',
    'train: 200/1000 steps (20%), 10/s, 1 min 20 s left, loss 0.5',
  ])
  progress.update({ phase: 'list', done: 3, unit: 'image' })
  expect(lines).toHaveLength(4)
})
