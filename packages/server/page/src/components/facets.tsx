import { useEffect, useState } from 'preact/hooks'
import { api, type Facets as FacetsAnswer } from '../api.js'
import { number } from '../names.js'
import { chosen, filter, filterOf, ranges } from '../state/query.js'

type Facet = FacetsAnswer['facets'][number]
type Value = Facet['values'][number]['value']

/** Values shown before more are asked for. */
const FEW = 8
/** Numbers of more values than this are a range. */
const RANGE = 12

/** Counts are of what the other keys leave: a value that is not chosen yet says how many it would add. */
async function count(signal: AbortSignal): Promise<readonly Facet[]> {
  const keys = Object.keys({ ...chosen.value, ...ranges.value }).filter(
    (key) => JSON.stringify(filterOf(key)) !== JSON.stringify(filterOf()),
  )
  const of = (but?: string) => {
    const wanted = filterOf(but)
    return api.facets({ values: 200, keys: but === undefined ? undefined : [but], filter: wanted }, signal)
  }
  const [all, ...own] = await Promise.all([of(), ...keys.map(of)])
  const ownOf = new Map(own.flatMap(({ facets }) => facets.map((facet) => [facet.key, facet])))
  const known = new Map([...all!.facets.map((facet): [string, Facet] => [facet.key, facet]), ...ownOf])
  return [...known.values()].sort((a, b) => (a.key < b.key ? -1 : 1))
}

export function Facets() {
  const [facets, setFacets] = useState<readonly Facet[]>([])
  const wanted = filter.value
  useEffect(() => {
    const controller = new AbortController()
    count(controller.signal).then(setFacets, () => undefined)
    return () => controller.abort()
  }, [JSON.stringify(wanted)])
  const useful = facets.filter(({ key, values }) => values.length > 1 || key in chosen.value || key in ranges.value)
  if (useful.length === 0) return null
  return (
    <section class="panel" aria-labelledby="facets-title">
      <div class="row between">
        <h2 id="facets-title">Narrow down</h2>
        {wanted && (
          <button
            type="button"
            class="link"
            onClick={() => {
              chosen.value = {}
              ranges.value = {}
            }}
          >
            Clear
          </button>
        )}
      </div>
      {useful.map((facet) => (
        <FacetValues key={facet.key} facet={facet} />
      ))}
    </section>
  )
}

function FacetValues({ facet }: { readonly facet: Facet }) {
  const { key, values, range } = facet
  const [all, setAll] = useState(false)
  const [text, setText] = useState('')
  const picked = chosen.value[key] ?? []
  if (range && values.length > RANGE) return <FacetRange facet={facet} />
  const toggle = (value: Value) => {
    const next = picked.includes(value) ? picked.filter((each) => each !== value) : [...picked, value]
    chosen.value = { ...chosen.value, [key]: next }
  }
  const fitting = values.filter(({ value }) => String(value).toLowerCase().includes(text.toLowerCase()))
  const shown = all ? fitting : fitting.filter(({ value }, i) => i < FEW || picked.includes(value))
  return (
    <fieldset class="facet">
      <legend>{key}</legend>
      {all && values.length > 2 * FEW && (
        <input
          class="input"
          type="search"
          placeholder="Find a value"
          aria-label={`Find a value of ${key}`}
          value={text}
          onInput={({ currentTarget }) => setText(currentTarget.value)}
        />
      )}
      <div class={all ? 'facet-values all' : 'facet-values'}>
        {shown.map(({ value, count }) => (
          <label key={String(value)} class="facet-value">
            <input type="checkbox" checked={picked.includes(value)} onChange={() => toggle(value)} />
            <span class="facet-name">{String(value)}</span>
            <span class="facet-count">{number(count)}</span>
          </label>
        ))}
      </div>
      {values.length > FEW && (
        <button type="button" class="link" onClick={() => setAll(!all)}>
          {all ? 'Show fewer' : `Show all ${values.length} of ${key}`}
        </button>
      )}
    </fieldset>
  )
}

function FacetRange({ facet: { key, range } }: { readonly facet: Facet }) {
  const of = ranges.value[key] ?? {}
  const set = (bound: 'gte' | 'lte', text: string) => {
    const { [bound]: _, ...other } = of
    ranges.value = { ...ranges.value, [key]: text === '' ? other : { ...other, [bound]: Number(text) } }
  }
  return (
    <fieldset class="facet">
      <legend>{key}</legend>
      <div class="row">
        {(['gte', 'lte'] as const).map((bound) => (
          <input
            key={bound}
            class="input"
            type="number"
            step="any"
            aria-label={`${key}: ${bound === 'gte' ? 'from' : 'to'}`}
            placeholder={String(bound === 'gte' ? range!.min : range!.max)}
            value={of[bound] ?? ''}
            onChange={({ currentTarget }) => set(bound, currentTarget.value)}
          />
        ))}
      </div>
    </fieldset>
  )
}
