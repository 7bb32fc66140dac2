import { useState } from 'preact/hooks'
import { api, type Box, type Item } from '../api.js'
import { nameOf, titleOf } from '../names.js'
import { details } from '../state/details.js'
import { change, writable } from '../state/gallery.js'
import { addExample, changeExample, type Example, previewOf, searchBy } from '../state/query.js'
import { Cropper } from './cropper.js'
import { Dialog } from './dialog.js'
import { ExamplePicture } from './example-picture.js'
import { Icon } from './icon.js'
import { Picture } from './picture.js'

const close = () => {
  details.value = undefined
}

export function DetailsDialog() {
  const shown = details.value
  if (!shown) return null
  return 'item' in shown ? <ItemDetails item={shown.item} /> : <ExampleDetails example={shown.example} />
}

/** A part of what the gallery has, which may be a part itself. */
function partOf(whole: Box | undefined, part: Box): Box {
  if (!whole) return part
  return {
    x: whole.x + part.x * whole.width,
    y: whole.y + part.y * whole.height,
    width: part.width * whole.width,
    height: part.height * whole.height,
  }
}

function ItemDetails({ item: given }: { readonly item: Item }) {
  const [item, setItem] = useState(given)
  const [box, setBox] = useState<Box>()
  const search = () => {
    close()
    searchBy({ id: item.id, box: box && partOf(item.box, box) })
  }
  const add = (negative: boolean) => {
    close()
    addExample({ id: item.id, negative, box: box && partOf(item.box, box) })
  }
  const reject = () =>
    change(async () => {
      await api.reject([item.id], !item.rejected)
      setItem({ ...item, rejected: !item.rejected })
      return item.rejected ? `${nameOf(item.id)} can be found again.` : `${nameOf(item.id)} is no longer found.`
    })
  const facts: readonly (readonly [string, string])[] = [
    ['Id', item.id],
    ...Object.entries(item.metadata).map(([key, value]) => [key, String(value)] as const),
    ...(item.uncertainty === undefined ? [] : [['Uncertainty', item.uncertainty.toPrecision(3)] as const]),
  ]
  return (
    <Dialog title={titleOf(item)} wide onClose={close}>
      <div class="details">
        <div>
          <Cropper box={box} onChange={setBox}>
            <Picture item={item} edge={1024} alt={`Picture of ${item.id}`} />
          </Cropper>
          <p class="hint">Draw on the picture to search by a part of it.</p>
        </div>
        <div class="details-side">
          <dl class="facts">
            {facts.map(([key, value]) => (
              <div key={key}>
                <dt>{key}</dt>
                <dd>{value}</dd>
              </div>
            ))}
          </dl>
          <div class="stack">
            <button type="button" class="button primary" onClick={search}>
              <Icon name={box ? 'crop' : 'search'} />
              {box ? 'Search by this part' : 'Search by this image'}
            </button>
            <div class="row">
              <button type="button" class="button" onClick={() => add(false)}>
                <Icon name="plus" /> More like this
              </button>
              <button type="button" class="button" onClick={() => add(true)}>
                <Icon name="minus" /> Less like this
              </button>
            </div>
            {box && (
              <button type="button" class="button" onClick={() => setBox(undefined)}>
                Use the whole image
              </button>
            )}
            {writable.value && (
              <button type="button" class="button" onClick={reject}>
                {item.rejected ? 'Take back into the results' : 'Keep out of the results'}
              </button>
            )}
            {item.image && (
              <a class="button" href={item.image} target="_blank" rel="noreferrer">
                Open the file
              </a>
            )}
          </div>
        </div>
      </div>
    </Dialog>
  )
}

function ExampleDetails({ example }: { readonly example: Example }) {
  const [box, setBox] = useState<Box | undefined>(example.box)
  const [name, setName] = useState(example.file?.name ?? '')
  const use = (next: Box | undefined) => {
    close()
    changeExample(example.key, { box: next })
  }
  const { file } = example
  const add = () =>
    change(async () => {
      await api.add(name, file!, {})
      return `${name} is in the gallery.`
    })
  return (
    <Dialog title="Search by a part" onClose={close}>
      <Cropper box={box} onChange={setBox}>
        {file ? (
          <img src={previewOf(file)} alt="What is searched by" />
        ) : (
          <ExamplePicture example={example} edge={1024} />
        )}
      </Cropper>
      <p class="hint">Draw on the picture what to look for.</p>
      <div class="row end">
        <button type="button" class="button" onClick={() => use(undefined)}>
          Use the whole image
        </button>
        <button type="button" class="button primary" disabled={!box} onClick={() => use(box)}>
          <Icon name="crop" /> Search by this part
        </button>
      </div>
      {file && writable.value && (
        <form
          class="add-form"
          onSubmit={(event) => {
            event.preventDefault()
            void add()
          }}
        >
          <label>
            Add this picture to the gallery as
            <input class="input" required value={name} onInput={({ currentTarget }) => setName(currentTarget.value)} />
          </label>
          <button type="submit" class="button">
            <Icon name="upload" /> Add
          </button>
        </form>
      )}
    </Dialog>
  )
}
