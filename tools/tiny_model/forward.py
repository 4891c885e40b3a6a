"""The model's forward pass for training, over the parameters of transformers' own module.

The module's pass works on one picture after another in Python; this one takes all pictures of a batch at once. A test
compares their results.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as functional


class Forward:
    """The pass over one `Qwen3VLForConditionalGeneration`.

    Args:
        grid: patches a side of every picture.
        dtype: of the arithmetic; norms and turns are done in float32.
        compiled: whether the layers are compiled.
    """

    def __init__(self, model: Any, *, grid: int, dtype: torch.dtype, compiled: bool) -> None:
        from transformers.vision_utils import get_vision_interpolation_indices_and_weights as interpolation
        from transformers.vision_utils import get_vision_position_ids as places

        self._model, self._dtype = model, dtype
        vision, text = model.model.visual, model.config.text_config
        device = model.lm_head.weight.device
        one = torch.tensor([[1, grid, grid]], device=device)
        self._corners, self._shares = interpolation(
            one,
            num_grid_per_side=vision.num_grid_per_side,
            mode=vision.interpolation_mode,
            align_corners=True,
            spatial_merge_size=2,
            kwargs={},
        )
        self._vision_turns = vision.rotary_pos_emb(torch.zeros(1, device=device), places(one, 2, kwargs={}))
        self._heads = (text.num_attention_heads, text.num_key_value_heads, text.head_dim)
        wrap: Callable[[Any], Any] = (lambda one: torch.compile(one, dynamic=True)) if compiled else (lambda one: one)
        self._vision_layer, self._text_layer = wrap(_vision_layer), wrap(_text_layer)

    def pixels(self, patches: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """What the vision tower makes of pictures.

        Args:
            patches: shape [N, grid ** 2, values of a patch].

        Returns:
            The tokens of each picture, shape [N, grid ** 2 / 4, hidden], and what is added behind the first layers.
        """
        vision = self._model.model.visual
        kernel = vision.patch_embed.proj
        x = functional.linear(
            patches.to(self._dtype), kernel.weight.flatten(1).to(self._dtype), kernel.bias.to(self._dtype)
        )
        x = x + (vision.pos_embed(self._corners) * self._shares[:, :, None]).sum(1).to(self._dtype)
        deep: list[torch.Tensor] = []
        for number, layer in enumerate(vision.blocks):
            x = self._vision_layer(x, layer, *self._vision_turns, vision.config.num_heads)
            if number in vision.deepstack_visual_indexes:
                merger = vision.deepstack_merger_list[vision.deepstack_visual_indexes.index(number)]
                deep.append(_merged(x, merger))
        return _merged(x, vision.merger), deep

    def text(
        self,
        ids: torch.Tensor,
        positions: torch.Tensor,
        tap: int,
        seen: tuple[torch.Tensor, list[torch.Tensor]] | None = None,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The hidden states at the end and behind layer `tap`, both [B, L, hidden].

        Args:
            ids: shape [B, L]; every one sees those before it, so padding at the end needs no mask.
            positions: shape [3, B, L].
            seen: of `pixels`, for the places of the video's tokens.
        """
        tower = self._model.model.language_model
        x = tower.embed_tokens(ids).to(self._dtype)
        where: torch.Tensor | None = None
        deep: list[torch.Tensor] = []
        if seen is not None:
            cells, deep = seen
            where = (ids == self._model.config.video_token_id).flatten().nonzero().squeeze(1)
            x = x.flatten(0, 1).index_copy(0, where, cells.flatten(0, 1).to(x.dtype)).view_as(x)
        cos, sin = (one[:, None] for one in tower.rotary_emb(x, positions))
        tapped = x
        for number, layer in enumerate(tower.layers):
            x = self._text_layer(x, layer, cos, sin, *self._heads)
            if where is not None and number < len(deep):
                x = x.flatten(0, 1).index_add(0, where, deep[number].flatten(0, 1).to(x.dtype)).view_as(x)
            if number == tap:
                tapped = x
        return _rms(x, tower.norm), tapped

    def logits(self, hidden: torch.Tensor) -> torch.Tensor:
        """Scores of the next token, float32."""
        return functional.linear(hidden, self._model.lm_head.weight.to(hidden.dtype)).float()


def _linear(x: torch.Tensor, layer: Any) -> torch.Tensor:
    bias = layer.bias.to(x.dtype) if layer.bias is not None else None
    return functional.linear(x, layer.weight.to(x.dtype), bias)


def _norm(x: torch.Tensor, norm: Any) -> torch.Tensor:
    return functional.layer_norm(x.float(), norm.weight.shape, norm.weight, norm.bias, norm.eps).to(x.dtype)


def _rms(x: torch.Tensor, norm: Any) -> torch.Tensor:
    wide = x.float()
    wide = wide * torch.rsqrt(wide.pow(2).mean(-1, keepdim=True) + norm.variance_epsilon)
    return torch.as_tensor(norm.weight * wide).to(x.dtype)


def _turned(x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
    one, other = x.chunk(2, -1)
    return x * cos + torch.cat((-other, one), -1) * sin


def _vision_layer(x: torch.Tensor, layer: Any, cos: torch.Tensor, sin: torch.Tensor, heads: int) -> torch.Tensor:
    count, size, width = x.shape
    parts = _linear(_norm(x, layer.norm1), layer.attn.qkv).view(count, size, 3, heads, width // heads)
    query, key, value = parts.permute(2, 0, 3, 1, 4).unbind(0)
    query, key = (_turned(one.float(), cos, sin).to(x.dtype) for one in (query, key))
    found = functional.scaled_dot_product_attention(query, key, value)
    x = x + _linear(found.transpose(1, 2).reshape(count, size, width), layer.attn.proj)
    inner = functional.gelu(_linear(_norm(x, layer.norm2), layer.mlp.linear_fc1), approximate="tanh")
    return x + _linear(inner, layer.mlp.linear_fc2)


def _merged(x: torch.Tensor, merger: Any) -> torch.Tensor:
    """Four patches, which follow each other, become one token."""
    count, size, width = x.shape
    if merger.use_postshuffle_norm:
        x = _norm(x.reshape(count, size // 4, 4 * width), merger.norm)
    else:
        x = _norm(x, merger.norm).reshape(count, size // 4, 4 * width)
    return _linear(functional.gelu(_linear(x, merger.linear_fc1)), merger.linear_fc2)


def _text_layer(
    x: torch.Tensor, layer: Any, cos: torch.Tensor, sin: torch.Tensor, heads: int, key_heads: int, size: int
) -> torch.Tensor:
    count, length, _ = x.shape
    attention = layer.self_attn
    normed = _rms(x, layer.input_layernorm)
    query = _rms(_linear(normed, attention.q_proj).view(count, length, heads, size), attention.q_norm).transpose(1, 2)
    key = _rms(_linear(normed, attention.k_proj).view(count, length, key_heads, size), attention.k_norm).transpose(1, 2)
    value = _linear(normed, attention.v_proj).view(count, length, key_heads, size).transpose(1, 2)
    query, key = _turned(query, cos, sin), _turned(key, cos, sin)
    key, value = (one.repeat_interleave(heads // key_heads, 1) for one in (key, value))
    found = functional.scaled_dot_product_attention(query, key, value, is_causal=True)
    x = x + _linear(found.transpose(1, 2).reshape(count, length, heads * size), attention.o_proj)
    normed = _rms(x, layer.post_attention_layernorm)
    inner = functional.silu(_linear(normed, layer.mlp.gate_proj)) * _linear(normed, layer.mlp.up_proj)
    return x + _linear(inner, layer.mlp.down_proj)
