/** A row-major matrix: `data.length === rows * cols`. */
export interface Matrix {
  readonly data: Float32Array
  readonly rows: number
  readonly cols: number
}

/** The three matrix products that a loss and its gradient need, on whatever computes them fastest. */
export interface Products {
  /** What computes them, for the log. */
  readonly name: 'onnxruntime' | 'tensorflow'
  /** `a b^T`: [M, D] and [N, D] to [M, N]. */
  abt(a: Matrix, b: Matrix): Promise<Matrix>
  /** `a b`: [M, N] and [N, D] to [M, D]. */
  ab(a: Matrix, b: Matrix): Promise<Matrix>
  /** `a^T b`: [M, N] and [M, D] to [N, D]. */
  atb(a: Matrix, b: Matrix): Promise<Matrix>
}

export const matrix = (data: Float32Array, rows: number, cols: number): Matrix => ({ data, rows, cols })
