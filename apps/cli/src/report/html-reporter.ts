import { definePlugin } from '@lookalike/core'
import { z } from 'zod'

const options = z.strictObject({
  queries: z.int().min(0).max(100).default(10).describe('Best and worst queries shown, each; 0 to 100.'),
  results: z.int().min(1).max(50).default(9).describe('Results shown of each query; 1 to 50.'),
})

declare module '@lookalike/core' {
  interface ReporterPlugins {
    html: z.input<typeof options>
  }
}

/** Writes `report.html`: one file with everything in it. */
export const htmlReporter = definePlugin({
  specVersion: 'v1',
  kind: 'reporter',
  name: 'html',
  description: 'One HTML page with figures, curves, and the best and worst queries as pictures.',
  options,
  create: ({ queries, results }, { images }) => ({
    specVersion: 'v1',
    name: 'html',
    async write(result, { folder, write }) {
      // Pages and their charts are loaded when one is written.
      const [{ renderReport }, { trainingCurves }, { readCosts }] = await Promise.all([
        import('./render-report.js'),
        import('./training-curves.js'),
        import('./accuracy-and-cost.js'),
      ])
      const [training, costs] = await Promise.all([trainingCurves(folder), readCosts(folder)])
      await write('report.html', await renderReport(result, { queries, results, images, training, costs }))
    },
  }),
})
