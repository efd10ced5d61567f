// Eigenvectors of symmetric matrices, and convolution by Fourier transforms.
#include <ATen/ATen.h>

#include "guard.hpp"

using namespace ctorch;

extern "C" {

ctorch_status ctorch_tensor_eigh(const ctorch_tensor *self, ctorch_tensor **values, ctorch_tensor **vectors) {
  return guard([&] {
    auto [eigenvalues, eigenvectors] = at::linalg_eigh(self->value);
    *values = wrap(eigenvalues);
    *vectors = wrap(eigenvectors);
  });
}

// The kernel's elements wrap around: those at negative offsets stand at its end. It is at least twice as large as the
// images, less one, so that what wraps around reaches none of them.
ctorch_status ctorch_tensor_convolve(const ctorch_tensor *self, const ctorch_tensor *kernel, ctorch_tensor **out) {
  return guard([&] {
    const at::Tensor &images = self->value;
    const auto size = kernel->value.sizes();
    TORCH_CHECK(images.dim() == 3 && size.size() == 2 && size[0] >= 2 * images.size(1) - 1 &&
                    size[1] >= 2 * images.size(2) - 1,
                "the kernel is too small for the images");
    at::Tensor spectrum = at::fft_rfft2(images, size).mul_(at::fft_rfft2(kernel->value));
    *out = wrap(at::fft_irfft2(spectrum, size).narrow(1, 0, images.size(1)).narrow(2, 0, images.size(2)).contiguous());
  });
}

}  // extern "C"
