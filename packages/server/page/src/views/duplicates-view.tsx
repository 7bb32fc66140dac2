import { useEffect, useState } from 'preact/hooks'
import { type ApiError, api, type Duplicates } from '../api.js'
import { DuplicateGroup, type Group } from '../components/duplicate-group.js'
import { Empty, Failed, Loading } from '../components/states.js'
import { distanceText, number } from '../names.js'
import { asApiError, writable } from '../state/gallery.js'

/** Milliseconds between two questions whether it is done. */
const AGAIN = 500
const PAGE = 50
/** Groups that the server tells of at once. */
const MOST = 1000

/** Groups of the same or nearly the same image: what is kept stays, the others can be removed. */
export function DuplicatesView() {
  const [wanted, setWanted] = useState<number>()
  const [answer, setAnswer] = useState<Duplicates>()
  const [groups, setGroups] = useState<readonly Group[]>([])
  const [error, setError] = useState<ApiError>()
  const [round, setRound] = useState(0)
  const [limit, setLimit] = useState(PAGE)
  useEffect(() => {
    const controller = new AbortController()
    let timer: ReturnType<typeof setTimeout> | undefined
    setError(undefined)
    setAnswer(undefined)
    const look = async () => {
      try {
        const found = await api.duplicates({ threshold: wanted, limit }, controller.signal)
        setAnswer(found)
        if (found.state === 'running') timer = setTimeout(look, AGAIN)
        else setGroups(found.groups ?? [])
      } catch (cause) {
        if (!controller.signal.aborted) setError(asApiError(cause))
      }
    }
    void look()
    return () => {
      clearTimeout(timer)
      controller.abort()
    }
  }, [wanted, round, limit])
  // Others may go meanwhile.
  const forget = (ids: readonly string[]) =>
    setGroups((known) =>
      known
        .map((group) => ({ ...group, images: group.images.filter(({ id }) => !ids.includes(id)) }))
        .filter(({ images }) => images.length > 1),
    )
  const count = answer?.count ?? 0
  return (
    <div class="main-column alone">
      <div class="row between view-head">
        <div>
          <h1>Duplicates</h1>
          <p class="hint">
            {answer?.state === 'done'
              ? `${number(count)} ${count === 1 ? 'group' : 'groups'} of images at most ${distanceText(answer.threshold ?? 0)} apart.`
              : 'Images that are the same or look the same.'}{' '}
            {!writable.value && 'To remove some, start the server with --write.'}
          </p>
        </div>
        <ThresholdForm
          known={wanted ?? answer?.threshold}
          onChange={(value) => {
            setWanted(value)
            setLimit(PAGE)
            setGroups([])
          }}
        />
      </div>
      {error && <Failed error={error} onRetry={() => setRound(round + 1)} />}
      {!error && answer?.state !== 'done' && <Progress answer={answer} />}
      {answer?.state === 'done' && groups.length === 0 && (
        <Empty icon="check" title="No duplicates">
          <p>No two images are this near. A larger distance finds those that are less alike.</p>
        </Empty>
      )}
      <div class="groups">
        {groups.map((group) => (
          <DuplicateGroup key={group.images[0]!.id} group={group} onGone={forget} />
        ))}
      </div>
      {limit < Math.min(count, MOST) && (
        <div class="row centre">
          <button type="button" class="button" onClick={() => setLimit(Math.min(MOST, limit + PAGE))}>
            Show more groups
          </button>
        </div>
      )}
    </div>
  )
}

function Progress({ answer }: { readonly answer: Duplicates | undefined }) {
  const { done = 0, total = 0 } = answer ?? {}
  return (
    <Loading text={total > 1 ? `Comparing all images: ${number(done)} of ${number(total)}` : 'Comparing all images'} />
  )
}

function ThresholdForm({ known, onChange }: { readonly known: number | undefined; onChange(value: number): void }) {
  const [text, setText] = useState<string>()
  const value = text ?? (known === undefined ? '' : String(Math.round(known * 1000) / 1000))
  return (
    <form
      class="row"
      onSubmit={(event) => {
        event.preventDefault()
        if (value !== '') onChange(Number(value))
      }}
    >
      <label class="row">
        Distance at most
        <input
          class="input short"
          type="number"
          min={0}
          max={2}
          step={0.001}
          required
          value={value}
          onInput={({ currentTarget }) => setText(currentTarget.value)}
        />
      </label>
      <button type="submit" class="button">
        Look again
      </button>
    </form>
  )
}
