import type { ComponentChildren } from 'preact'
import type { ApiError } from '../api.js'
import { Icon, type IconName } from './icon.js'

interface EmptyProps {
  readonly icon?: IconName
  readonly title: string
  readonly children?: ComponentChildren
}

export function Empty({ icon = 'image', title, children }: EmptyProps) {
  return (
    <div class="state">
      <span class="state-icon">
        <Icon name={icon} />
      </span>
      <h2>{title}</h2>
      {children}
    </div>
  )
}

/** What the server says is wrong; what is not a crash of ours can be asked again. */
export function Failed({ error, onRetry }: { readonly error: ApiError; onRetry?(): void }) {
  return (
    <div class="state state-bad" role="alert">
      <span class="state-icon">
        <Icon name="info" />
      </span>
      <h2>That did not work</h2>
      <p class="detail">{error.message}</p>
      {onRetry && error.code !== 'serve/no-duplicates' && (
        <button type="button" class="button" onClick={onRetry}>
          Try again
        </button>
      )}
    </div>
  )
}

export function Loading({ text }: { readonly text: string }) {
  return (
    <div class="state" role="status">
      <span class="spinner" aria-hidden="true" />
      <p>{text}</p>
    </div>
  )
}

/** The shape of what is being loaded. */
export function Skeletons({ count = 12 }: { readonly count?: number }) {
  return (
    <div class="grid" aria-hidden="true">
      {Array.from({ length: count }, (_, i) => (
        <div class="card skeleton" key={i} />
      ))}
    </div>
  )
}
