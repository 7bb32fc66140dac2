import { type DatasetItem, type EvaluationResult, isRelevant, type StageResult } from '@lookalike/core'
import { formatDistance } from '../terminal/format.js'
import { breakable, type Html, html } from './html.js'
import type { Pictures } from './pictures.js'

/** One picture with its caption; `verdict` puts a mark on it. */
export async function pictureOf(
  pictures: Pictures,
  item: DatasetItem,
  caption: string | Html,
  verdict?: 'right' | 'wrong',
): Promise<Html> {
  const request = { source: item.source, box: item.box }
  const key = item.box ? `${item.id} ${JSON.stringify(item.box)}` : item.id
  const mark = verdict && html`<span class="mark" title="${verdict}">${verdict === 'right' ? '✓' : '✗'}</span>`
  return html`<figure class="pic ${verdict ?? ''}"><div class="box">${await pictures.picture(key, request, `${item.label}${verdict ? `, ${verdict}` : ''}`)}${mark}</div><figcaption title="${item.label}: ${item.id}">${caption}</figcaption></figure>`
}

/** Queries as rows: the query's picture, then its first results of each stage. */
export async function pictureRows(
  result: EvaluationResult,
  rows: readonly number[],
  stages: readonly StageResult[],
  shown: number,
  pictures: Pictures,
): Promise<Html> {
  const parts: Html[] = []
  for (const row of rows) {
    const query = result.queries[row]!
    const perStage: Html[] = []
    for (const stage of stages) {
      const ranking = stage.rankings[row]!
      const results: Html[] = []
      for (const [rank, position] of Array.from(ranking.positions.subarray(0, shown)).entries()) {
        const item = result.gallery[position]!
        const verdict = isRelevant(query, item) ? 'right' : 'wrong'
        results.push(
          await pictureOf(
            pictures,
            item,
            html`${rank + 1} · ${formatDistance(ranking.distances[rank]!, 3)}${verdict === 'wrong' && html`<span class="is">${breakable(item.label)}</span>`}`,
            verdict,
          ),
        )
      }
      perStage.push(
        html`<div class="stage">${stages.length > 1 && html`<small>${stage.name}</small>`}<div class="results">${results}</div></div>`,
      )
    }
    parts.push(
      html`<div class="row"><div class="query">${await pictureOf(pictures, query, html`<span class="is">${breakable(query.label)}</span>`)}<p>${firstRight(result, row, stages.at(-1)!)}</p></div><div class="stages">${perStage}</div></div>`,
    )
  }
  return html`${parts}`
}

function firstRight(result: EvaluationResult, row: number, stage: StageResult): string {
  const { positions } = stage.rankings[row]!
  const rank = positions.findIndex((position) => isRelevant(result.queries[row]!, result.gallery[position]!)) + 1
  return rank > 0 ? `first right at rank ${rank}` : `none right in ${positions.length}`
}
