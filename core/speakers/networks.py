"""Two small networks that tell speakers apart, as their authors published them.

`SpeakerNet` is CAM++, which turns speech into a vector that differs by voice. `LocalSpeakers` is
PyanNet, which says for each 17 ms of a stretch of 10 s which of at most three voices speak.

Source: Wang et al., 2023, https://arxiv.org/abs/2303.00332 (CAM++), code of 3D-Speaker,
https://github.com/modelscope/3D-Speaker (Apache-2.0); Plaquet & Bredin, 2023,
https://arxiv.org/abs/2310.13025 (powerset segmentation), code of pyannote.audio,
https://github.com/pyannote/pyannote-audio (MIT). Features as Kaldi's `compute-fbank-feats`.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

N_MELS = 80
N_LENGTH, N_HOP, N_FFT = 400, 160, 512
LOW_HZ, SAMPLE_RATE = 20.0, 16_000
POOLED_FRAMES = 100


def fbank(samples: Tensor) -> Tensor:
    """Returns log-mel features with their mean taken off, shape `(n_frames, 80)`.

    Args:
        samples: shape `(n_samples,)`, mono, 16 kHz, at least 400.
    """
    frames = samples.unfold(0, N_LENGTH, N_HOP)
    frames = frames - frames.mean(dim=1, keepdim=True)
    before = torch.cat([frames[:, :1], frames[:, :-1]], dim=1)
    window = torch.hann_window(N_LENGTH, periodic=False) ** 0.85
    power = torch.fft.rfft((frames - 0.97 * before) * window, N_FFT).abs() ** 2
    log_mel = (power @ _filters()).clamp_min(torch.finfo(torch.float32).eps).log()
    centred: Tensor = log_mel - log_mel.mean(dim=0, keepdim=True)
    return centred


def _filters() -> Tensor:
    """Returns triangles over the mel scale, shape `(257, 80)`."""

    def mel(hz: Tensor) -> Tensor:
        return 1127.0 * torch.log1p(hz / 700.0)

    low, high = mel(torch.tensor([LOW_HZ, SAMPLE_RATE / 2], dtype=torch.float64))
    edges = low + (high - low) / (N_MELS + 1) * torch.arange(N_MELS + 2)
    bins = mel(torch.arange(N_FFT // 2 + 1, dtype=torch.float64) * SAMPLE_RATE / N_FFT)[:, None]
    rising = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    return torch.minimum(rising, falling).clamp_min(0.0).float()


class _Normed(nn.Module):
    """Batch normalisation and ReLU, under the name that the checkpoint uses."""

    def __init__(self, n_channels: int, affine: bool = True) -> None:
        super().__init__()
        self.batchnorm = nn.BatchNorm1d(n_channels, affine=affine)
        self.affine = affine

    def forward(self, x: Tensor) -> Tensor:
        normed: Tensor = self.batchnorm(x)
        return functional.relu(normed) if self.affine else normed


class _Residual(nn.Module):
    def __init__(self, n_channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(n_channels, n_channels, 3, (stride, 1), 1, bias=False)
        self.bn1 = nn.BatchNorm2d(n_channels)
        self.conv2 = nn.Conv2d(n_channels, n_channels, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(n_channels)
        self.shortcut = nn.Sequential()
        if stride > 1:
            self.shortcut.append(nn.Conv2d(n_channels, n_channels, 1, (stride, 1), bias=False))
            self.shortcut.append(nn.BatchNorm2d(n_channels))

    def forward(self, x: Tensor) -> Tensor:
        out = self.bn2(self.conv2(functional.relu(self.bn1(self.conv1(x)))))
        return functional.relu(out + self.shortcut(x))


class _Front(nn.Module):
    """Convolutions over time and frequency: `(n, 80, n_frames)` to `(n, 320, n_frames)`."""

    def __init__(self, n_channels: int = 32) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, n_channels, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(n_channels)
        self.layer1 = nn.Sequential(_Residual(n_channels, 2), _Residual(n_channels, 1))
        self.layer2 = nn.Sequential(_Residual(n_channels, 2), _Residual(n_channels, 1))
        self.conv2 = nn.Conv2d(n_channels, n_channels, 3, (2, 1), 1, bias=False)
        self.bn2 = nn.BatchNorm2d(n_channels)

    def forward(self, x: Tensor) -> Tensor:
        out = functional.relu(self.bn1(self.conv1(x.unsqueeze(1))))
        out = functional.relu(self.bn2(self.conv2(self.layer2(self.layer1(out)))))
        return out.flatten(1, 2)


class _Masked(nn.Module):
    """A convolution whose output is weighed by what surrounds it."""

    def __init__(self, n_in: int, n_out: int, dilation: int) -> None:
        super().__init__()
        self.linear_local = nn.Conv1d(n_in, n_out, 3, 1, dilation, dilation, bias=False)
        self.linear1 = nn.Conv1d(n_in, n_in // 2, 1)
        self.linear2 = nn.Conv1d(n_in // 2, n_out, 1)

    def forward(self, x: Tensor) -> Tensor:
        n_frames = x.shape[-1]
        near = functional.avg_pool1d(x, POOLED_FRAMES, POOLED_FRAMES, ceil_mode=True)
        near = near.repeat_interleave(POOLED_FRAMES, dim=-1)[..., :n_frames]
        around = functional.relu(self.linear1(x.mean(-1, keepdim=True) + near))
        weighed: Tensor = torch.sigmoid(self.linear2(around)) * self.linear_local(x)
        return weighed


class _Dense(nn.Module):
    def __init__(self, n_in: int, n_out: int, n_inner: int, dilation: int) -> None:
        super().__init__()
        self.nonlinear1 = _Normed(n_in)
        self.linear1 = nn.Conv1d(n_in, n_inner, 1, bias=False)
        self.nonlinear2 = _Normed(n_inner)
        self.cam_layer = _Masked(n_inner, n_out, dilation)

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.cam_layer(self.nonlinear2(self.linear1(self.nonlinear1(x))))
        return torch.cat([x, found], dim=1)


class _Layer(nn.Module):
    """A convolution with its normalisation before or after it."""

    def __init__(self, linear: nn.Conv1d, n_normed: int, before: bool, affine: bool = True) -> None:
        super().__init__()
        self.linear = linear
        self.nonlinear = _Normed(n_normed, affine)
        self.before = before

    def forward(self, x: Tensor) -> Tensor:
        first, second = (self.nonlinear, self.linear)[:: 1 if self.before else -1]
        found: Tensor = second(first(x))
        return found


class SpeakerNet(nn.Module):
    """CAM++: features of speech to a vector of 192 values that differs by voice."""

    n_dims = 192

    def __init__(self) -> None:
        super().__init__()
        self.head = _Front()
        parts: dict[str, nn.Module] = {}
        n = 128
        parts["tdnn"] = _Layer(nn.Conv1d(320, n, 5, 2, 2, bias=False), n, before=False)
        for number, (n_layers, dilation) in enumerate(((12, 1), (24, 2), (16, 2)), 1):
            layers = {
                f"tdnnd{i + 1}": _Dense(n + 32 * i, 32, 128, dilation) for i in range(n_layers)
            }
            parts[f"block{number}"] = nn.Sequential()
            for name, layer in layers.items():
                parts[f"block{number}"].add_module(name, layer)
            n += 32 * n_layers
            transit = nn.Conv1d(n, n // 2, 1, bias=False)
            parts[f"transit{number}"] = _Layer(transit, n, before=True)
            n //= 2
        parts["out_nonlinear"] = _Normed(n)
        last = nn.Conv1d(2 * n, self.n_dims, 1, bias=False)
        self.dense = _Layer(last, self.n_dims, before=False, affine=False)
        self.xvector = nn.Sequential()
        for name, part in parts.items():
            self.xvector.add_module(name, part)

    def forward(self, features: Tensor) -> Tensor:
        """Returns shape `(n, 192)` for features of shape `(n, n_frames, 80)`."""
        x = self.xvector(self.head(features.transpose(1, 2)))
        pooled = torch.cat([x.mean(dim=-1), x.std(dim=-1)], dim=-1)
        found: Tensor = self.dense(pooled.unsqueeze(-1)).squeeze(-1)
        return found


class LocalSpeakers(nn.Module):
    """PyanNet: who of at most three voices speaks, every 270 samples.

    Its seven classes are nobody, each of the voices alone, and each pair of them.
    """

    classes = ((), (0,), (1,), (2,), (0, 1), (0, 2), (1, 2))

    def __init__(self) -> None:
        super().__init__()
        self.wave_norm = nn.InstanceNorm1d(1, affine=True)
        self.filters = nn.Conv1d(1, 80, 251, 10, bias=False)
        self.convs = nn.ModuleList([nn.Conv1d(80, 60, 5), nn.Conv1d(60, 60, 5)])
        self.norms = nn.ModuleList(nn.InstanceNorm1d(n, affine=True) for n in (80, 60, 60))
        self.lstm = nn.LSTM(60, 128, 4, batch_first=True, bidirectional=True)
        self.linear = nn.ModuleList([nn.Linear(256, 128), nn.Linear(128, 128)])
        self.classifier = nn.Linear(128, len(self.classes))

    def forward(self, waveforms: Tensor) -> Tensor:
        """Returns log scores, shape `(n, n_frames, 7)`, for waveforms `(n, n_samples)`."""
        x = self.filters(self.wave_norm(waveforms.unsqueeze(1))).abs()
        x = functional.leaky_relu(self.norms[0](functional.max_pool1d(x, 3)))
        for conv, norm in zip(self.convs, list(self.norms)[1:], strict=True):
            x = functional.leaky_relu(norm(functional.max_pool1d(conv(x), 3)))
        x = self.lstm(x.transpose(1, 2))[0]
        for linear in self.linear:
            x = functional.leaky_relu(linear(x))
        return functional.log_softmax(self.classifier(x), dim=-1)


def sinc_filters(low_hz: Tensor, band_hz: Tensor) -> Tensor:
    """Returns the band-pass filters that SincNet's learned edges stand for, `(80, 1, 251)`.

    Source: Ravanelli & Bengio, 2018, https://arxiv.org/abs/1808.00158, with even and odd filters
    as Pariente et al., 2020, https://arxiv.org/abs/1910.10400.

    Args:
        low_hz: shape `(40, 1)`, lower edges as learned.
        band_hz: shape `(40, 1)`, widths as learned.
    """
    low = 50.0 + low_hz.abs()
    high = (low + 50.0 + band_hz.abs()).clamp(50.0, SAMPLE_RATE / 2)
    times = 2 * math.pi * torch.arange(-125, 0.0)[None] / SAMPLE_RATE
    window = torch.hamming_window(251, periodic=False)[:125]
    even = ((high * times).sin() - (low * times).sin()) / (times / 2) * window
    odd = ((low * times).cos() - (high * times).cos()) / (times / 2) * window
    middle = 2 * (high - low)
    even = torch.cat([even, middle, even.flip(1)], dim=1)
    odd = torch.cat([odd, torch.zeros_like(middle), -odd.flip(1)], dim=1)
    return (torch.cat([even, odd]) / middle.repeat(2, 1)).unsqueeze(1)
