/** Limits every value to [-limit, limit], in place. */
export function clipValues(gradients: Iterable<Float32Array>, limit: number): void {
  for (const gradient of gradients) {
    for (let i = 0; i < gradient.length; i++) {
      const value = gradient[i]!
      if (value > limit) gradient[i] = limit
      else if (value < -limit) gradient[i] = -limit
    }
  }
}

/** The length of all gradients as one vector. NaN or infinite when one of their values is. */
export function gradientNorm(gradients: Iterable<Float32Array>): number {
  let sum = 0
  for (const gradient of gradients) {
    // Four sums at once: one would wait for itself at every value.
    let a = 0
    let b = 0
    let c = 0
    let d = 0
    const whole = gradient.length & ~3
    for (let i = 0; i < whole; i += 4) {
      a += gradient[i]! * gradient[i]!
      b += gradient[i + 1]! * gradient[i + 1]!
      c += gradient[i + 2]! * gradient[i + 2]!
      d += gradient[i + 3]! * gradient[i + 3]!
    }
    for (let i = whole; i < gradient.length; i++) a += gradient[i]! * gradient[i]!
    sum += a + b + c + d
  }
  return Math.sqrt(sum)
}
