import { images } from '../names.js'
import { gallery } from '../state/gallery.js'
import { LinkPicture, PickPicture } from './bring-picture.js'
import { Icon } from './icon.js'

/** Where a search begins. */
export function BringHero() {
  const known = gallery.value
  return (
    <section class="hero" aria-labelledby="hero-title">
      <span class="hero-icon">
        <Icon name="image" />
      </span>
      <div class="hero-text">
        <h1 id="hero-title">Find what looks like it</h1>
        <p>
          Drop a picture here, paste one, or choose a file{known?.urls ? ', or give its address' : ''}.{' '}
          {known && `It is compared with ${images(known.size - known.rejected)}; it is not kept.`}
        </p>
        <div class="row">
          <PickPicture primary>Choose a picture</PickPicture>
          <LinkPicture />
        </div>
      </div>
    </section>
  )
}
