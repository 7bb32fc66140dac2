import type { GalleryDescription, GalleryMember, OpenGalleryOptions } from '../contracts/gallery.js'
import { LookalikeError } from '../errors.js'

/** What every store asks of the options of an opening. @throws `gallery/options` */
export function checkOpenOptions(options: OpenGalleryOptions): void {
  if (typeof options !== 'object' || options === null) throw badOptions(`The options are ${String(options)}`)
  const { space, dim, mode, members, engine, onWarning } = options
  const problem =
    space !== undefined && (typeof space !== 'string' || space === '')
      ? `The space ${JSON.stringify(space)} is no text`
      : dim !== undefined && (!Number.isInteger(dim) || dim < 1 || dim > MOST_DIMENSIONS)
        ? `${String(dim)} dimensions are none`
        : (space === undefined) !== (dim === undefined)
          ? 'Of space and dim only one was given'
          : mode !== undefined && mode !== 'read' && mode !== 'write'
            ? `The mode ${JSON.stringify(mode)} is not known`
            : engine !== undefined && typeof engine?.open !== 'function'
              ? `The engine ${JSON.stringify(engine)} opens no index`
              : onWarning !== undefined && typeof onWarning !== 'function'
                ? `onWarning is ${typeof onWarning}`
                : memberProblem(members)
  if (problem !== undefined) throw badOptions(problem)
}

/** A row must fit into memory, and into the sizes of the stores' files. */
const MOST_DIMENSIONS = 2 ** 24

const badOptions = (problem: string) =>
  new LookalikeError('gallery/options', {
    problem,
    expected:
      'a space and a number of dimensions as an encoder has them, or neither; an engine as exactEngine() makes one; members named in lower-case letters, digits and hyphens',
  })

function memberProblem(members: OpenGalleryOptions['members']): string | undefined {
  if (members === undefined) return undefined
  if (!Array.isArray(members)) return `The members are ${typeof members}`
  const named = members as readonly (Partial<GalleryMember> | null)[]
  const at = named.findIndex((member) => !/^[a-z0-9]+(-[a-z0-9]+)*$/.test(member?.name ?? ''))
  const name = named[at]?.name
  return at < 0 ? undefined : `The member name ${JSON.stringify(name)} cannot be a file's`
}

/** Whether a gallery holds what it is opened for. @throws `gallery/space` */
export function checkHeld(
  gallery: string,
  held: GalleryDescription,
  { space = held.space, dim = held.dim, members }: OpenGalleryOptions,
): void {
  const has = held.members.map(describeMember).join(', ')
  const wanted = members?.map(describeMember).join(', ')
  const problem =
    held.space !== space
      ? `holds vectors of the space ${held.space} and was opened for ${space}`
      : held.dim !== dim
        ? `holds vectors of ${held.dim} dimensions and was opened for ${dim}`
        : wanted !== undefined && wanted !== has
          ? `keeps the members ${has || 'none'} and was opened for ${wanted || 'none'}`
          : undefined
  if (problem === undefined) return
  throw new LookalikeError(
    'gallery/space',
    {
      problem: `The gallery ${gallery} ${problem}`,
      expected: 'the model that it was made with',
      fix: 'Use that model, index the images into another gallery, or map the stored vectors to the new space.',
    },
    { fields: { gallery, held: { space: held.space, dim: held.dim }, wanted: { space, dim } } },
  )
}

const describeMember = ({ name, space, dim }: GalleryMember) => `${name} (${dim} of ${space})`
