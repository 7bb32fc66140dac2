/** A program of this package as one text, bundled for a worker when the package is built. */
declare module '*.ts?worker-text' {
  const text: string
  export default text
}
