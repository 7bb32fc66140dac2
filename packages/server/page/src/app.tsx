import type { JSX } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import { token } from './api.js'
import { BringAnywhere } from './components/bring-picture.js'
import { IconButton } from './components/button.js'
import { DetailsDialog } from './components/details-dialog.js'
import { Mark } from './components/mark.js'
import { Failed, Loading } from './components/states.js'
import { images } from './names.js'
import { details } from './state/details.js'
import { gallery, galleryError, loadGallery, notice } from './state/gallery.js'
import { go, type View, view } from './state/query.js'
import { THEMES, theme } from './state/theme.js'
import { BrowseView } from './views/browse-view.js'
import { DuplicatesView } from './views/duplicates-view.js'
import { LabelView } from './views/label-view.js'
import { MapView } from './views/map-view.js'
import { SearchView } from './views/search-view.js'

const VIEWS: readonly (readonly [View, string, () => JSX.Element])[] = [
  ['search', 'Search', SearchView],
  ['browse', 'Browse', BrowseView],
  ['duplicates', 'Duplicates', DuplicatesView],
  ['map', 'Map', MapView],
  ['label', 'Label', LabelView],
]

export function App() {
  const known = gallery.value
  const error = galleryError.value
  const [, , Shown] = VIEWS.find(([name]) => name === view.value)!
  const main = useRef<HTMLElement>(null)
  const title = VIEWS.find(([name]) => name === view.value)![1]
  useEffect(() => {
    document.title = known ? `${title} - ${known.name}` : 'Lookalike'
  }, [title, known?.name])
  return (
    <>
      <a
        class="skip"
        href="#main"
        onClick={(event) => {
          event.preventDefault()
          main.current?.focus()
        }}
      >
        Skip to the content
      </a>
      <Header />
      <main id="main" ref={main} tabIndex={-1}>
        {error && <Trouble />}
        {!known && !error && <Loading text="Asking the server" />}
        {known && !error && <Shown />}
      </main>
      <BringAnywhere />
      {details.value && <DetailsDialog key={JSON.stringify(details.value)} />}
      <Notice />
    </>
  )
}

function Header() {
  const known = gallery.value
  const next = THEMES[(THEMES.indexOf(theme.value) + 1) % THEMES.length]!
  return (
    <header class="top">
      <div class="brand">
        <Mark />
        <div class="brand-text">
          <strong>{known?.name ?? 'Lookalike'}</strong>
          {known && <span class="hint">{images(known.size)}</span>}
        </div>
      </div>
      <nav class="tabs" aria-label="Views">
        {VIEWS.map(([name, text]) => (
          <a
            key={name}
            href={`#/${name}`}
            aria-current={view.value === name ? 'page' : undefined}
            onClick={(event) => {
              event.preventDefault()
              go(name)
            }}
          >
            {text}
          </a>
        ))}
      </nav>
      <IconButton
        icon={theme.value === 'auto' ? 'auto' : theme.value === 'light' ? 'sun' : 'moon'}
        label={`Colours: ${theme.value}. Change to ${next}`}
        onPress={() => {
          theme.value = next
        }}
      />
    </header>
  )
}

/** The server cannot be asked, or wants a token first. */
function Trouble() {
  const error = galleryError.value!
  const [text, setText] = useState('')
  if (error.code !== 'serve/unauthorized') return <Failed error={error} onRetry={() => void loadGallery()} />
  return (
    <form
      class="state"
      onSubmit={(event) => {
        event.preventDefault()
        token.set(text.trim())
        void loadGallery()
      }}
    >
      <h1>This server needs a token</h1>
      <p>
        {token.get() ? 'It does not know the one that you gave.' : 'Whoever runs it can give you one.'} It is forgotten
        when you close this tab.
      </p>
      <div class="row centre">
        <input
          class="input"
          type="password"
          required
          autocomplete="off"
          aria-label="Token"
          value={text}
          onInput={({ currentTarget }) => setText(currentTarget.value)}
        />
        <button type="submit" class="button primary">
          Enter
        </button>
      </div>
    </form>
  )
}

function Notice() {
  const said = notice.value
  return (
    <div class="notices" role="status" aria-live="polite">
      {said && (
        <div class={said.bad ? 'notice bad' : 'notice'}>
          <span>{said.text}</span>
          <IconButton
            icon="cross"
            label="Close the message"
            onPress={() => {
              notice.value = undefined
            }}
          />
        </div>
      )}
    </div>
  )
}
