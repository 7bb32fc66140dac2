import { createRandom } from '@lookalike/core'
import { expect, it } from 'vitest'
import { solvePositive } from './solve-positive.js'

it('solves what is multiplied back', () => {
  const [size, columns] = [17, 5]
  const random = createRandom(1)
  const factor = Float64Array.from({ length: size * size }, () => random.normal())
  const matrix = Float64Array.from({ length: size * size }, (_, at) => {
    const [i, j] = [Math.floor(at / size), at % size]
    let sum = i === j ? 0.5 : 0
    for (let k = 0; k < size; k++) sum += factor[i * size + k]! * factor[j * size + k]!
    return sum
  })
  const right = Float64Array.from({ length: size * columns }, () => random.normal())
  const solution = right.slice()
  solvePositive(matrix.slice(), size, solution, columns)
  for (let at = 0; at < right.length; at++) {
    let sum = 0
    for (let k = 0; k < size; k++)
      sum += matrix[Math.floor(at / columns) * size + k]! * solution[k * columns + (at % columns)]!
    expect(sum).toBeCloseTo(right[at]!, 9)
  }
})

it('refuses a matrix that is not positive definite', () => {
  expect(() => solvePositive(Float64Array.of(1, 2, 2, 1), 2, Float64Array.of(1, 1), 1)).toThrow('positive definite')
})
