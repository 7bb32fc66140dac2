import { useLayoutEffect, useRef, useState } from 'preact/hooks'
import { number } from '../names.js'
import { gallery, tell } from '../state/gallery.js'
import { addExample, examples, searchBy } from '../state/query.js'
import { Icon } from './icon.js'

/** Searches by a picture, where the server can take it. */
function bring(file: File | undefined | null, add = false): void {
  if (!file) return
  const most = gallery.value?.limits.body ?? Infinity
  if (file.type && !file.type.startsWith('image/'))
    return tell(`${file.name} is no picture. Choose a JPEG, PNG or WebP.`, true)
  // The form around it takes room too.
  if (file.size > most - 4096) {
    return tell(
      `${file.name} has ${number(file.size)} bytes; this server takes ${number(most)}. Choose a smaller one.`,
      true,
    )
  }
  if (add) addExample({ file, negative: false })
  else searchBy({ file })
}

/** A picture that is dropped or pasted anywhere is searched by. */
export function BringAnywhere() {
  const [over, setOver] = useState(false)
  useLayoutEffect(() => {
    let depth = 0
    const hasFile = (event: DragEvent) => event.dataTransfer?.types.includes('Files') ?? false
    const on: [string, (event: never) => void][] = [
      ['dragenter', (event: DragEvent) => hasFile(event) && setOver(++depth > 0)],
      ['dragleave', (event: DragEvent) => hasFile(event) && setOver(--depth > 0)],
      ['dragover', (event: DragEvent) => hasFile(event) && event.preventDefault()],
      [
        'drop',
        (event: DragEvent) => {
          depth = 0
          setOver(false)
          if (!hasFile(event)) return
          event.preventDefault()
          bring(event.dataTransfer?.files[0])
        },
      ],
      [
        'paste',
        (event: ClipboardEvent) => {
          const file = [...(event.clipboardData?.files ?? [])].find(({ type }) => type.startsWith('image/'))
          if (!file) return
          event.preventDefault()
          bring(file)
        },
      ],
    ] as never
    for (const [name, listener] of on) addEventListener(name, listener as EventListener)
    return () => {
      for (const [name, listener] of on) removeEventListener(name, listener as EventListener)
    }
  }, [])
  if (!over) return null
  return (
    <div class="drop-over">
      <Icon name="upload" />
      <p>Drop it to search by it</p>
    </div>
  )
}

interface PickProps {
  readonly add?: boolean
  readonly primary?: boolean
  readonly children: string
}

export function PickPicture({ add = false, primary = false, children }: PickProps) {
  const input = useRef<HTMLInputElement>(null)
  return (
    <>
      <button type="button" class={primary ? 'button primary large' : 'button'} onClick={() => input.current!.click()}>
        <Icon name={add ? 'plus' : 'upload'} />
        {children}
      </button>
      <input
        ref={input}
        type="file"
        accept="image/*"
        hidden
        aria-label={children}
        onChange={({ currentTarget }) => {
          bring(currentTarget.files?.[0], add)
          currentTarget.value = ''
        }}
      />
    </>
  )
}

/** For servers that take images by address. */
export function LinkPicture() {
  const [url, setUrl] = useState('')
  if (!gallery.value?.urls) return null
  return (
    <form
      class="link-form"
      onSubmit={(event) => {
        event.preventDefault()
        if (examples.value.length > 0) addExample({ url, negative: false })
        else searchBy({ url })
        setUrl('')
      }}
    >
      <input
        class="input"
        type="url"
        required
        placeholder="https://"
        aria-label="Address of a picture"
        value={url}
        onInput={({ currentTarget }) => setUrl(currentTarget.value)}
      />
      <button type="submit" class="button">
        Search
      </button>
    </form>
  )
}
