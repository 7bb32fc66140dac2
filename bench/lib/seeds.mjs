/** Figures of several seeds. */
export const mean = (all) => all.reduce((sum, value) => sum + value, 0) / all.length

/** Standard deviation of the sample; 0 of a single one. */
export const spread = (all) =>
  all.length > 1 ? Math.sqrt(all.reduce((sum, value) => sum + (value - mean(all)) ** 2, 0) / (all.length - 1)) : 0

/** `mean ± standard deviation`. */
export const shown = (all, digits) => `${mean(all).toFixed(digits)} ± ${spread(all).toFixed(digits)}`
