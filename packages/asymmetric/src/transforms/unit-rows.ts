/** A copy with every row at length 1; rows of zeros stay zero. */
export function unitRows(data: Float32Array, dim: number): Float32Array {
  const unit = data.slice()
  for (let start = 0; start < unit.length; start += dim) {
    let square = 0
    for (let i = start; i < start + dim; i++) square += unit[i]! * unit[i]!
    if (square === 0) continue
    const scale = 1 / Math.sqrt(square)
    for (let i = start; i < start + dim; i++) unit[i]! *= scale
  }
  return unit
}
