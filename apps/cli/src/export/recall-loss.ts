/** recall@1 on the validation images; undefined where the config names no dataset. @param file of the encoder that embeds the queries */
export type Measure = (file: string | undefined) => Promise<number | undefined>

export interface RecallLoss {
  readonly before: number
  readonly after: number
  readonly loss: number
}

/** What it costs that the model in a file embeds the queries; the gallery stays as it is. */
export async function recallLoss(measure: Measure, file: string): Promise<RecallLoss | undefined> {
  const before = await measure(undefined)
  const after = before === undefined ? undefined : await measure(file)
  return before === undefined || after === undefined ? undefined : { before, after, loss: before - after }
}

export const describeLoss = ({ before, after }: RecallLoss) =>
  `recall@1 on validation: ${before.toFixed(4)} with the full weights, ${after.toFixed(4)} with these for the queries`
