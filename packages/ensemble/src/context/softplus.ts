/** `log(1 + exp(x))`, without an exponential of a large number. */
export function softplus(x: number): number {
  return Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)))
}
