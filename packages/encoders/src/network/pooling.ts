/**
 * How an output becomes one vector an image. Of tokens `[N, tokens, dim]`: `class-token` takes the first, `mean` the mean of the patches,
 * `distilled-mean` the mean of the first two (DeiT's class and distillation tokens). Of a picture `[N, dim, H, W]`: `mean`. `none`: the
 * output is `[N, dim]` already, or `[N, dim, 1, 1]`.
 */
export const POOLINGS = ['none', 'class-token', 'mean', 'distilled-mean'] as const
export type Pooling = (typeof POOLINGS)[number]
