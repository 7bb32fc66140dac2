/** Reports what is wrong with a preprocessing, as far as a model's input depends on it. */
export function checkPreprocessing(given: unknown, report: (message: string) => void): void {
  if (typeof given !== 'object' || given === null)
    return report(`preprocessing is ${String(given)}; expected: an object`)
  const { resize, crop, interpolation, background, scale, mean, std, channels, layout } = given as Record<
    string,
    unknown
  >
  const oneOf = (value: unknown, names: readonly string[]) => names.includes(value as string)
  const part = (value: unknown, key: string) => (value as Record<string, unknown> | undefined)?.[key]
  const pixels = (value: unknown) => Number.isInteger(value) && (value as number) >= 1
  const three = (value: unknown, good: (one: number) => boolean) =>
    Array.isArray(value) && value.length === 3 && value.every((one) => Number.isFinite(one) && good(one as number))
  const rules: readonly (readonly [string, unknown, boolean, string])[] = [
    ['crop', crop, pixels(part(crop, 'width')) && pixels(part(crop, 'height')), 'width and height in whole pixels'],
    [
      'resize',
      resize,
      oneOf(part(resize, 'mode'), ['squash', 'pad']) ||
        (part(resize, 'mode') === 'shortest-edge' && pixels(part(resize, 'size'))),
      'shortest-edge with a size, squash or pad',
    ],
    [
      'interpolation',
      interpolation,
      oneOf(interpolation, ['nearest', 'box', 'bilinear', 'hamming', 'bicubic', 'lanczos']),
      'the name of a filter',
    ],
    ['background', background, three(background, (one) => one >= 0 && one <= 255), 'three numbers from 0 to 255'],
    ['scale', scale, Number.isFinite(scale) && (scale as number) > 0, 'a number above 0'],
    ['mean', mean, three(mean, () => true), 'three numbers'],
    ['std', std, three(std, (one) => one > 0), 'three numbers above 0'],
    ['channels', channels, oneOf(channels, ['rgb', 'bgr']), 'rgb or bgr'],
    ['layout', layout, oneOf(layout, ['nchw', 'nhwc']), 'nchw or nhwc'],
  ]
  for (const [name, value, good, expected] of rules)
    if (!good) report(`preprocessing.${name} is ${JSON.stringify(value)}; expected: ${expected}`)
}
