import { batch } from '@preact/signals'
import { besideName, nameOf } from '../names.js'
import { details } from '../state/details.js'
import { gallery } from '../state/gallery.js'
import { changeExample, compare, type Example, examples, nearness, removeExample, rerank } from '../state/query.js'
import { LinkPicture, PickPicture } from './bring-picture.js'
import { IconButton } from './button.js'
import { ExamplePicture } from './example-picture.js'
import { Icon } from './icon.js'
import { ThresholdSlider } from './threshold-slider.js'

const exampleName = ({ id, file, url }: Example) => (id === undefined ? (file?.name ?? url ?? '') : nameOf(id))

function ExampleChip({ example }: { readonly example: Example }) {
  const { key, box, negative } = example
  const name = exampleName(example)
  return (
    <li class={negative ? 'chip negative' : 'chip'}>
      <button
        type="button"
        class="chip-picture"
        aria-label={`Search by a part of ${name}`}
        title="Search by a part"
        disabled={example.url !== undefined}
        onClick={() => {
          details.value = { example }
        }}
      >
        <ExamplePicture example={example} />
        {box && <CropMark example={example} />}
      </button>
      <div class="chip-text">
        <span class="chip-kind">{negative ? 'Less like' : 'More like'}</span>
        <span class="chip-name" title={name}>
          {name}
        </span>
        {box && <span class="chip-kind">a part of it</span>}
      </div>
      <div class="chip-actions">
        <IconButton
          icon="swap"
          label={negative ? `Look for more like ${name}` : `Look for less like ${name}`}
          onPress={() => changeExample(key, { negative: !negative })}
        />
        <IconButton icon="cross" label={`Remove ${name} from the search`} onPress={() => removeExample(key)} />
      </div>
    </li>
  )
}

function CropMark({ example: { box, id } }: { readonly example: Example }) {
  // What the gallery shows of an entry may be a part itself: there the sign alone is right.
  if (id !== undefined || !box)
    return (
      <span class="badge crop-sign">
        <Icon name="crop" />
      </span>
    )
  const share = (value: number) => `${value * 100}%`
  return (
    <span
      class="crop-box"
      style={{ left: share(box.x), top: share(box.y), width: share(box.width), height: share(box.height) }}
    />
  )
}

/** What is looked for, and how. */
export function QueryPanel() {
  const reranks = (gallery.value?.rerankers.length ?? 0) > 0
  return (
    <section class="panel" aria-labelledby="query-title">
      <h2 id="query-title">Looking for</h2>
      <ul class="chips">
        {examples.value.map((example) => (
          <ExampleChip key={example.key} example={example} />
        ))}
      </ul>
      <div class="row">
        <PickPicture add>Add a picture</PickPicture>
      </div>
      <LinkPicture />
      <ThresholdSlider />
      <label class="switch">
        <input
          type="checkbox"
          role="switch"
          checked={nearness.value !== undefined}
          onChange={({ currentTarget }) => {
            nearness.value = currentTarget.checked ? 0.05 : undefined
          }}
        />
        <span>Hide near-duplicates</span>
      </label>
      {nearness.value !== undefined && (
        <label class="slider">
          <span>
            The same up to a distance of <strong>{nearness.value.toFixed(2)}</strong>
          </span>
          <input
            type="range"
            min={0}
            max={0.5}
            step={0.01}
            value={nearness.value}
            onInput={({ currentTarget }) => {
              nearness.value = Number(currentTarget.value)
            }}
          />
        </label>
      )}
      {reranks && (
        <label class="switch">
          <input
            type="checkbox"
            role="switch"
            checked={rerank.value}
            onChange={({ currentTarget }) =>
              batch(() => {
                rerank.value = currentTarget.checked
                if (rerank.value) compare.value = false
              })
            }
          />
          <span>Rerank, side by side</span>
        </label>
      )}
      {gallery.value?.beside && (
        <label class="switch">
          <input
            type="checkbox"
            role="switch"
            checked={compare.value}
            onChange={({ currentTarget }) =>
              batch(() => {
                compare.value = currentTarget.checked
                if (compare.value) rerank.value = false
              })
            }
          />
          <span>Compare with {besideName(gallery.value)}</span>
        </label>
      )}
    </section>
  )
}
