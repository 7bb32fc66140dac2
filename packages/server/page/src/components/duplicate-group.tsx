import { useState } from 'preact/hooks'
import { api, type Duplicates } from '../api.js'
import { distanceText, images } from '../names.js'
import { details } from '../state/details.js'
import { change, writable } from '../state/gallery.js'
import { IconButton } from './button.js'
import { Card } from './card.js'
import { Confirm } from './dialog.js'
import { Icon } from './icon.js'

export type Group = NonNullable<Duplicates['groups']>[number]

/** Images that are the same or look the same: it is chosen which ones stay. */
export function DuplicateGroup({ group, onGone }: { readonly group: Group; onGone(ids: readonly string[]): void }) {
  const [kept, setKept] = useState<ReadonlySet<string>>(new Set([group.images[0]!.id]))
  const [asks, setAsks] = useState(false)
  const others = group.images.filter(({ id }) => !kept.has(id)).map(({ id }) => id)
  const toggle = (id: string) => {
    const next = new Set(kept)
    if (!next.delete(id)) next.add(id)
    setKept(next)
  }
  const remove = () =>
    change(async () => {
      const { changed } = await api.remove(others)
      onGone(others)
      return `${images(changed)} removed from the gallery.`
    })
  const reject = () =>
    change(async () => {
      const { changed } = await api.reject(others, true)
      onGone(others)
      return `${images(changed)} rejected. "Browse" shows them and takes them back.`
    })
  return (
    <section
      class="group"
      aria-label={`${group.kind === 'exact' ? 'Exact copies' : 'Near-duplicates'} of ${group.images[0]!.id}`}
    >
      <div class="row between">
        <h2>
          {group.kind === 'exact' ? 'Exact copies' : 'Look the same'}{' '}
          <span class="hint">
            {images(group.images.length)}
            {group.kind === 'near' && `, up to ${distanceText(group.diameter)} apart`}
          </span>
        </h2>
        {writable.value && (
          <div class="row">
            <button type="button" class="button" disabled={others.length === 0 || kept.size === 0} onClick={reject}>
              Reject {others.length}
            </button>
            <button
              type="button"
              class="button danger"
              disabled={others.length === 0 || kept.size === 0}
              onClick={() => setAsks(true)}
            >
              <Icon name="trash" /> Remove {others.length}
            </button>
          </div>
        )}
      </div>
      <ul class="grid small">
        {group.images.map((item) => (
          <DuplicateCard key={item.id} item={item} keep={kept.has(item.id)} onToggle={() => toggle(item.id)} />
        ))}
      </ul>
      {asks && (
        <Confirm
          title={`Remove ${images(others.length)}?`}
          text="They are taken out of the gallery. Files of your own stay where they are; files that were sent to the server are deleted."
          action="Remove"
          onConfirm={remove}
          onClose={() => setAsks(false)}
        />
      )}
    </section>
  )
}

interface DuplicateProps {
  readonly item: Group['images'][number]
  readonly keep: boolean
  onToggle(): void
}

function DuplicateCard({ item, keep, onToggle }: DuplicateProps) {
  return (
    <Card
      item={item}
      action={keep ? 'Do not keep' : 'Keep'}
      onPress={onToggle}
      badge={keep ? 'Keep' : distanceText(item.distance)}
      tone={keep ? 'right' : undefined}
      note={<bdi>{item.id}</bdi>}
    >
      <IconButton
        icon="check"
        tone="good"
        label={keep ? `${item.id} is kept` : `Keep ${item.id}`}
        pressed={keep}
        onPress={onToggle}
      />
      <IconButton
        icon="info"
        label={`About ${item.id}`}
        onPress={() => {
          details.value = { item }
        }}
      />
    </Card>
  )
}
