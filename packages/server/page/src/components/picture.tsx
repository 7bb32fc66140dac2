import { useEffect, useState } from 'preact/hooks'
import { ask, type Item, token } from '../api.js'
import { Icon } from './icon.js'

interface PictureProps {
  readonly item: Pick<Item, 'thumbnail'>
  readonly alt?: string
  readonly edge?: 128 | 256 | 512 | 1024
  onSize?(width: number, height: number): void
}

/** A small picture of an image of the gallery, or a sign that it has none. */
export function Picture({ item, alt = '', edge = 256, onSize }: PictureProps) {
  const [failed, setFailed] = useState(false)
  const address = item.thumbnail && `${item.thumbnail}&edge=${edge}`
  const [source, setSource] = useState<string>()
  useEffect(() => {
    setFailed(false)
    if (!address || !token.get()) return setSource(address ?? undefined)
    // An image element cannot send a token.
    const controller = new AbortController()
    let made: string | undefined
    ask(address, { signal: controller.signal })
      .then((answer) => answer.blob())
      .then((blob) => {
        made = URL.createObjectURL(blob)
        setSource(made)
      })
      .catch(() => setFailed(!controller.signal.aborted))
    return () => {
      controller.abort()
      if (made) URL.revokeObjectURL(made)
    }
  }, [address])
  if (!address || failed)
    return (
      <span class="no-picture" role={alt ? 'img' : undefined} aria-label={alt || undefined}>
        <Icon name="image" />
        <span>No picture</span>
      </span>
    )
  return (
    <img
      src={source}
      alt={alt}
      loading="lazy"
      decoding="async"
      draggable={false}
      onError={() => setFailed(true)}
      onLoad={({ currentTarget: { naturalWidth, naturalHeight } }) => onSize?.(naturalWidth, naturalHeight)}
    />
  )
}
