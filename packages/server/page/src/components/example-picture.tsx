import { useEffect, useState } from 'preact/hooks'
import { api, type Item } from '../api.js'
import { type Example, previewOf } from '../state/query.js'
import { Icon } from './icon.js'
import { Picture } from './picture.js'

/** The picture of an example, wherever it is from. The part that is searched by is what is bright. */
export function ExamplePicture({ example, edge = 256 }: { readonly example: Example; readonly edge?: 256 | 1024 }) {
  const { id, file, url } = example
  const [item, setItem] = useState<Item>()
  useEffect(() => {
    if (id === undefined) return
    let left = false
    api.item(id).then(
      (found) => left || setItem(found),
      () => undefined,
    )
    return () => {
      left = true
    }
  }, [id])
  if (file) return <img src={previewOf(file)} alt="" draggable={false} />
  if (item) return <Picture item={item} edge={edge} />
  return (
    <span class="no-picture">
      <Icon name="image" />
      <span>{url ? 'By address' : 'Loading'}</span>
    </span>
  )
}
