import type { ComponentChildren } from 'preact'
import type { Item } from '../api.js'
import { classOf, nameOf, titleOf } from '../names.js'
import { Picture } from './picture.js'

interface CardProps {
  readonly item: Item
  /** What a press on the picture does. */
  readonly action: string
  onPress(): void
  readonly badge?: ComponentChildren
  readonly note?: ComponentChildren
  readonly tone?: 'right' | 'wrong' | 'chosen' | undefined
  readonly children?: ComponentChildren
}

/** An image in a grid. */
export function Card({ item, action, onPress, badge, note, tone, children }: CardProps) {
  return (
    <li class={`card ${tone ?? ''} ${item.rejected ? 'rejected' : ''}`} data-id={item.id}>
      <button type="button" class="card-picture" aria-label={`${action} ${item.id}`} title={item.id} onClick={onPress}>
        <Picture item={item} />
      </button>
      {badge !== undefined && <span class="badge">{badge}</span>}
      {item.rejected && <span class="badge badge-left">Rejected</span>}
      <div class="card-text">
        <span class="card-title">{titleOf(item)}</span>
        <span class="card-note">{note ?? (classOf(item) === undefined ? '\u00a0' : nameOf(item.id))}</span>
      </div>
      {children && <div class="card-actions">{children}</div>}
    </li>
  )
}
