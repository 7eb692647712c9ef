//! Float products of the same shape.

use std::hint::black_box;

use forms_xbar::Weights;
use forms_xbar::nalgebra::DMatrix;
use gemm::Parallelism;

use super::Result;
use super::pairs::Subject;

/// Outputs × inputs, inputs × vectors and their product.
pub(crate) struct Product {
    w: DMatrix<f32>,
    x: DMatrix<f32>,
    y: DMatrix<f32>,
}

impl Product {
    pub(crate) fn new(weights: &Weights, x: &[u16]) -> Self {
        let (inputs, outputs) = (weights.inputs(), weights.outputs());
        let vectors = x.len() / inputs;
        Product {
            w: DMatrix::from_iterator(outputs, inputs, weights.as_row_slice().iter().map(|&w| w as f32)),
            x: DMatrix::from_iterator(inputs, vectors, x.iter().map(|&x| f32::from(x))),
            y: DMatrix::zeros(outputs, vectors),
        }
    }

    /// The `gemm` crate's product on one thread.
    pub(crate) fn by_gemm(&mut self) -> Subject<'_> {
        Subject::new(self.x.ncols(), || self.run_gemm())
    }

    /// nalgebra's product.
    pub(crate) fn by_nalgebra(&mut self) -> Subject<'_> {
        Subject::new(self.x.ncols(), || self.run_nalgebra())
    }

    fn run_gemm(&mut self) {
        let Product { w, x, y } = self;
        let (outputs, inputs, vectors) = (w.nrows(), w.ncols(), x.ncols());
        let (of_outputs, of_inputs) = (outputs as isize, inputs as isize);
        let (y, w, x) = (black_box(y).as_mut_ptr(), black_box(w).as_ptr(), black_box(x).as_ptr());
        // SAFETY: all three are column-major matrices of these shapes, and `y` is borrowed alone.
        #[allow(unsafe_code)]
        unsafe {
            gemm::gemm(
                outputs,
                vectors,
                inputs,
                y,
                of_outputs,
                1,
                false,
                w,
                of_outputs,
                1,
                x,
                of_inputs,
                1,
                0.0,
                1.0,
                false,
                false,
                false,
                Parallelism::None,
            );
        }
    }

    fn run_nalgebra(&mut self) {
        self.y.gemm(1.0, black_box(&self.w), black_box(&self.x), 0.0);
    }

    /// Whether both products are the integer product, to the rounding of floats.
    pub(crate) fn check(&mut self) -> Result<()> {
        for (name, run) in [("gemm", Self::run_gemm as fn(&mut Self)), ("nalgebra", Self::run_nalgebra)] {
            self.y.fill(f32::NAN);
            run(self);
            let most = self.w.ncols() as f64 * 128.0 * f64::from(self.x.max());
            for (vector, (x, y)) in self.x.column_iter().zip(self.y.column_iter()).enumerate().take(4) {
                for (output, &y) in y.iter().enumerate() {
                    let row = self.w.row(output);
                    let exact: f64 = row.iter().zip(&x).map(|(&w, &x)| f64::from(w) * f64::from(x)).sum();
                    // A NaN is not within.
                    let within = (f64::from(y) - exact).abs() <= 1e-6 * most;
                    if !within {
                        let place = format!("output {output} of vector {vector}");
                        return Err(format!("{name}: {place} is {y}, not {exact}").into());
                    }
                }
            }
        }
        Ok(())
    }
}
