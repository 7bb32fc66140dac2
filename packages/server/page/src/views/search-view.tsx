import { useEffect, useState } from 'preact/hooks'
import { api, type Hit, type Item } from '../api.js'
import { BringHero } from '../components/bring-hero.js'
import { IconButton } from '../components/button.js'
import { Card } from '../components/card.js'
import { Facets } from '../components/facets.js'
import { Icon } from '../components/icon.js'
import { QueryPanel } from '../components/query-panel.js'
import { SideBySide } from '../components/side-by-side.js'
import { Empty, Failed, Skeletons } from '../components/states.js'
import { distanceText, images, number } from '../names.js'
import { details } from '../state/details.js'
import { mark, markOf } from '../state/judgements.js'
import { addExample, chosen, compare, examples, filter, ranges, rerank, searchBy, threshold } from '../state/query.js'
import { repeats, results, showMore } from '../state/results.js'

export function SearchView() {
  const started = examples.value.length > 0
  return (
    <div class="split">
      <aside class="side" aria-label="Search">
        {started && <QueryPanel />}
        <details class="fold" open={innerWidth > 760}>
          <summary>Narrow down</summary>
          <Facets />
        </details>
      </aside>
      <div class="main-column">{started ? <ResultList /> : <Start />}</div>
    </div>
  )
}

/** What is here before there is a search. */
function Start() {
  const [items, setItems] = useState<readonly Item[]>()
  const wanted = filter.value
  useEffect(() => {
    const controller = new AbortController()
    const query = { limit: 48, rejected: 'without' as const, filter: wanted && JSON.stringify(wanted) }
    api.items(query, controller.signal).then(
      ({ items }) => setItems(items),
      () => setItems([]),
    )
    return () => controller.abort()
  }, [JSON.stringify(wanted)])
  return (
    <>
      <BringHero />
      <h2 class="section-title">Or start from one of these</h2>
      {!items && <Skeletons />}
      {items?.length === 0 && (
        <Empty title={wanted ? 'No image has these values' : 'The gallery is empty'}>
          <p>{wanted ? 'Clear some of them.' : 'Add images with "lookalike index", then reload this page.'}</p>
        </Empty>
      )}
      <ul class="grid">
        {items?.map((item) => (
          <Card key={item.id} item={item} action="Search by" onPress={() => searchBy({ id: item.id })} />
        ))}
      </ul>
    </>
  )
}

function ResultList() {
  const { state, hits, more, error, warnings, distances } = results.value
  const hidden = repeats.value
  const shown = hits.filter(({ id }) => !hidden.has(id))
  const title =
    state === 'loading' && hits.length === 0
      ? 'Searching'
      : `${more ? `The nearest ${number(shown.length)}` : images(shown.length)}${hidden.size > 0 ? `, ${number(hidden.size)} near-duplicates hidden` : ''}`
  return (
    <section aria-labelledby="results-title" aria-busy={state === 'loading'}>
      <div class="row between result-head">
        <h1 id="results-title" class="section-title" aria-live="polite">
          {title}
        </h1>
        <JudgeHint />
      </div>
      {warnings.map(({ code, message }) => (
        <p class="warning" key={code}>
          {message}
        </p>
      ))}
      {error && <Failed error={error} />}
      {state === 'loading' && hits.length === 0 && <Skeletons />}
      {state === 'done' && hits.length === 0 && <NothingFound nearest={distances[0]} />}
      {(rerank.value || compare.value) && hits.length > 0 ? <SideBySide /> : <HitGrid hits={shown} />}
      {more && (
        <div class="row centre">
          <button type="button" class="button" disabled={state === 'loading'} onClick={showMore}>
            Show more
          </button>
        </div>
      )}
    </section>
  )
}

function NothingFound({ nearest }: { readonly nearest: number | undefined }) {
  return (
    <Empty icon="search" title="Nothing is near enough">
      {threshold.value !== undefined && nearest !== undefined ? (
        <>
          <p>The nearest image is {distanceText(nearest)} away.</p>
          <button
            type="button"
            class="button"
            onClick={() => {
              threshold.value = undefined
            }}
          >
            Allow any distance
          </button>
        </>
      ) : filter.value ? (
        <button
          type="button"
          class="button"
          onClick={() => {
            chosen.value = {}
            ranges.value = {}
          }}
        >
          Clear what narrows it down
        </button>
      ) : (
        <p>Try another picture, or a part of this one.</p>
      )}
    </Empty>
  )
}

/** The image that answers are judged against: marks need its id. */
const reference = (): string | undefined => {
  const [only, ...others] = examples.value
  return others.length === 0 && !only?.box && !only?.negative ? only?.id : undefined
}

function JudgeHint() {
  const [open, setOpen] = useState(false)
  return (
    <div class="hint-box">
      <button type="button" class="link" aria-expanded={open} onClick={() => setOpen(!open)}>
        <Icon name="info" /> Marking answers
      </button>
      {open && (
        <p class="hint">
          {reference() === undefined
            ? 'Answers can be marked when you search by one image of the gallery.'
            : 'Mark at least one answer as right and others as wrong. The page "Label" exports what you marked as triples, which train an ensemble.'}
        </p>
      )}
    </div>
  )
}

function HitGrid({ hits }: { readonly hits: readonly Hit[] }) {
  const of = reference()
  const copies = new Map<string, number>()
  for (const first of repeats.value.values()) copies.set(first, (copies.get(first) ?? 0) + 1)
  return (
    <ul class="grid" aria-label="Results">
      {hits.map((hit) => {
        const marked = of === undefined ? undefined : markOf(of, hit.id)
        const same = copies.get(hit.id)
        return (
          <Card
            key={hit.id}
            item={hit}
            action="Search by"
            onPress={() => searchBy({ id: hit.id })}
            badge={distanceText(hit.distance)}
            tone={marked}
            note={same ? `and ${same} near-duplicate${same > 1 ? 's' : ''}` : undefined}
          >
            <IconButton
              icon="plus"
              label="More like this"
              onPress={() => addExample({ id: hit.id, negative: false })}
            />
            <IconButton
              icon="minus"
              label="Less like this"
              onPress={() => addExample({ id: hit.id, negative: true })}
            />
            {of !== undefined && (
              <>
                <IconButton
                  icon="check"
                  tone="good"
                  label="This answer is right"
                  pressed={marked === 'right'}
                  onPress={() => mark(of, hit.id, 'right')}
                />
                <IconButton
                  icon="cross"
                  tone="bad"
                  label="This answer is wrong"
                  pressed={marked === 'wrong'}
                  onPress={() => mark(of, hit.id, 'wrong')}
                />
              </>
            )}
            <IconButton
              icon="info"
              label={`About ${hit.id}`}
              onPress={() => {
                details.value = { item: hit }
              }}
            />
          </Card>
        )
      })}
    </ul>
  )
}
