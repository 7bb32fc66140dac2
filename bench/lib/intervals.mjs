/** Two-sided 95 % points of Student's t by degrees of freedom. */
const T = [NaN, 12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145, 2.131]

import { mean, spread } from './seeds.mjs'

/** Half the width of the 95 % interval of the mean of independent draws. */
export const halfWidth = (all) => ((T[all.length - 1] ?? 1.97) * spread(all)) / Math.sqrt(all.length)

/** `mean [low, high]`: the 95 % interval of the mean over draws. */
export const interval = (all, digits = 1) =>
  `${mean(all).toFixed(digits)} [${(mean(all) - halfWidth(all)).toFixed(digits)}, ${(mean(all) + halfWidth(all)).toFixed(digits)}]`
