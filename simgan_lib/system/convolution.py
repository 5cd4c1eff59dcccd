"""A convolution that is trained faster on CPUs with AVX2 alone, those of many laptops.

oneDNN's kernels there are fast forwards and for the gradient of the input, but not for the gradient of the weights, which
takes more than half of a refiner's step.  As one matrix product it is faster: `python benchmarks --only weight_gradient`.
"""

import torch
import torch.nn.functional as F
from torch import nn

from .device import weight_gradients_are_slow

PIXELS = 8192             # of the output, whose patches are unfolded at once: what stays in a cache


class Conv2d(nn.Conv2d):
    """nn.Conv2d: where it pays, the gradient of the weights is computed otherwise, the same but for the order of sums."""

    def forward(self, x):
        if not self._pays(x):
            return super().forward(x)
        padding = self.padding[0]
        if self.padding_mode != "zeros":
            x, padding = F.pad(x, (padding,) * 4, mode=self.padding_mode), 0
        return _ByProduct.apply(x, self.weight, self.bias, self.stride[0], padding)

    def _pays(self, x):
        # Measured: of fewer maps oneDNN's own is as fast, but for the few that an image has.
        wide = self.in_channels <= 4 or min(self.in_channels, self.out_channels) >= 64
        plain = (self.groups == 1 and self.dilation == (1, 1) and x.dim() == 4 and not isinstance(self.padding, str)
                 and all(a == b for a, b in (self.kernel_size, self.stride, self.padding)))
        transformed = torch.jit.is_tracing() or torch._C._are_functorch_transforms_active()        # torch.func, vmap
        return (wide and plain and not transformed and self.weight.requires_grad and torch.is_grad_enabled()
                and weight_gradients_are_slow(x))


class _ByProduct(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, weight, bias, stride, padding):
        ctx.save_for_backward(x, weight)
        ctx.stride, ctx.padding = stride, padding
        return F.conv2d(x, weight, bias, stride, padding)

    @staticmethod
    def backward(ctx, gradient):
        x, weight = ctx.saved_tensors
        for_x, for_weight, for_bias = ctx.needs_input_grad[:3]
        twice = torch.is_grad_enabled()                    # the gradient's own gradient may be asked for: all is oneDNN's then
        found = torch.ops.aten.convolution_backward(
            gradient, x, weight, [len(weight)], [ctx.stride] * 2, [ctx.padding] * 2, [1, 1], False, [0, 0], 1,
            [for_x, for_weight and twice, for_bias and twice])
        if not twice:                                      # oneDNN computes a bias's gradient with that of the weights alone
            found = (found[0], weight_gradient(x, gradient, weight.shape[2], ctx.stride, ctx.padding) if for_weight else None,
                     gradient.sum((0, 2, 3)) if for_bias else None)
        return *found, None, None


def weight_gradient(x, gradient, kernel, stride, padding):
    """Gradient (K, C, kernel, kernel) of the weights of a convolution of x (N, C, H, W), from that of its output (N, K, h, w).

    The output's pixels times what each of them saw, one product for some images at a time.
    """
    x, gradient = x.permute(0, 2, 3, 1), gradient.permute(0, 2, 3, 1)              # (N, H, W, C): as channels_last lies
    x = (F.pad(x, (0, 0, *(padding,) * 4)) if padding else x).contiguous()
    (n, height, width, outputs), inputs = gradient.shape, x.shape[3]
    images = max(1, PIXELS // (height * width))
    each, down, right, _ = x.stride()
    patches = x.as_strided((n, height, width, kernel, kernel, inputs), (each, stride * down, stride * right, down, right, 1))
    found = x.new_zeros(kernel * kernel * inputs, outputs)
    for seen, wanted in zip(patches.split(images), gradient.split(images)):
        found.addmm_(seen.reshape(-1, len(found)).t(), wanted.reshape(-1, outputs))
    return found.view(kernel, kernel, inputs, outputs).permute(3, 2, 0, 1)
