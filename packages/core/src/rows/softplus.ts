/** `log(1 + exp x)`, which is 0 at minus infinity and never overflows: with `- target * x` the cross-entropy of a logit. */
export const softplus = (x: number): number => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)))

/** `1 / (1 + exp(-x))`, the slope of {@link softplus}. */
export const logistic = (x: number): number => (x < 0 ? Math.exp(x) / (1 + Math.exp(x)) : 1 / (1 + Math.exp(-x)))
