//! The fused kernels' way to the numbers of a tensor: an in-place operation of candle's.

use std::cell::RefCell;

use candle_core::{CpuStorage, InplaceOp1, Layout, Tensor};

use super::lane::Lane;

/// Runs `f` on the lanes and the numbers of the tensor, as one in-place operation of candle's.
pub(super) fn on_rows<R>(
    rows: &Tensor,
    lanes: &mut [Lane],
    f: impl FnOnce(&mut [Lane], &mut [f32], usize) -> R,
) -> candle_core::Result<R> {
    let operation = OnRows { todo: RefCell::new(Some((f, lanes))), result: RefCell::new(None) };
    rows.inplace_op1(&operation)?;
    operation.result.into_inner().ok_or_else(|| candle_core::Error::Msg("the operation did not run".into()))
}

/// An in-place operation on `[L, width]` that also sees the lanes.
struct OnRows<'a, F, R> {
    todo: RefCell<Option<(F, &'a mut [Lane])>>,
    result: RefCell<Option<R>>,
}

impl<F, R> InplaceOp1 for OnRows<'_, F, R>
where
    F: FnOnce(&mut [Lane], &mut [f32], usize) -> R,
{
    fn name(&self) -> &'static str {
        "fused-training"
    }

    fn cpu_fwd(&self, storage: &mut CpuStorage, layout: &Layout) -> candle_core::Result<()> {
        let CpuStorage::F32(numbers) = storage else {
            candle_core::bail!("fused training needs rows of f32");
        };
        let Some((from, to)) = layout.contiguous_offsets() else {
            candle_core::bail!("fused training needs contiguous rows");
        };
        let (_, width) = layout.shape().dims2()?;
        if let Some((f, lanes)) = self.todo.take() {
            *self.result.borrow_mut() = Some(f(lanes, &mut numbers[from..to], width));
        }
        Ok(())
    }
}
