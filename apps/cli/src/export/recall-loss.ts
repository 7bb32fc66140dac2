/** recall@1 on a part of the dataset. */
export interface MeasuredRecall {
  readonly split: string
  readonly recall: number
}

/** Undefined where there is nothing to measure. @param file of the encoder that embeds the queries. Default: the model's own */
export type Measure = (file?: string) => Promise<MeasuredRecall | undefined>

export interface RecallLoss {
  /** The part of the dataset. */
  readonly split: string
  readonly before: number
  readonly after: number
  readonly loss: number
}

/** What it costs that the model in a file embeds the queries; the gallery stays as it is. @param before as measured before the file was written */
export async function recallLoss(
  measure: Measure,
  before: MeasuredRecall | undefined,
  file: string,
): Promise<RecallLoss | undefined> {
  const after = before && (await measure(file))
  return after && { split: after.split, before: before.recall, after: after.recall, loss: before.recall - after.recall }
}

export const describeLoss = ({ split, before, after }: RecallLoss) =>
  `recall@1 on ${split}: ${before.toFixed(4)} with the full weights, ${after.toFixed(4)} with these for the queries`
