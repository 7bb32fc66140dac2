import { z } from 'zod'

/** The share of images that an augmentation changes. */
export const probability = (otherwise: number) =>
  z.number().min(0).max(1).default(otherwise).describe('Share of the images that it changes, 0 to 1.')

const pair = (end: z.ZodNumber, low: number, high: number) =>
  z
    .tuple([end, end])
    .refine(([from, to]) => from <= to, 'the first number must not be above the second')
    .default([low, high])

/** Low and high end of a range. */
export const range = (low: number, high: number) => pair(z.number().positive(), low, high)

/** Low and high end of a range of shares, above 0 and at most 1. */
export const shares = (low: number, high: number) => pair(z.number().positive().max(1), low, high)

export const fill = z
  .tuple([z.int().min(0).max(255), z.int().min(0).max(255), z.int().min(0).max(255)])
  .default([255, 255, 255])
  .describe('RGB of what comes in from outside, 0 to 255. White is ours.')
