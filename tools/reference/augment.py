"""Images augmented in float64 by numpy and scipy, from what src/augment.h says (augment.json).

Places by the affine map of Ciresan, Meier, Gambardella, Schmidhuber (Neural Computation 22, 2010), a displacement field
of uniform noise smoothed by a Gaussian (Simard, Steinkraus, Platt, ICDAR 2003), one bilinear interpolation. The random
bits are numpy's Philox, as in noise.py.
"""
import math

import numpy

from common import write

AUGMENT = 7  # purpose of base/random.h
# height, width, shift, rotate, scale, shear, alpha, sigma; seed, step, row
CASES = {
    "elastic": (28, 28, 0, 0, 0, 0, 34, 4, 1, 0, 0),
    "affine": (28, 28, 2, 15, 0.15, 0.3, 0, 4, 2, 7, 31),
    "all": (20, 28, 1.5, 10, 0.1, 0.2, 20, 2.5, 3, 400, 5),
    "far": (9, 13, 30, 180, 0.9, 3, 100, 0.7, 4, 1, 2),
}


def words_of(seed, step, row, blocks):
    counter = (step << 64) + (row << 128)
    generator = numpy.random.Philox(key=seed + (AUGMENT << 64), counter=(counter - 1) % (1 << 256))
    return [int(word) for word in generator.random_raw(4 * blocks)]


def augment(image, shift, rotate, scale, shear, alpha, sigma, seed, step, row):
    from scipy import ndimage

    height, width = image.shape
    pixels = height * width
    words = words_of(seed, step, row, 1 + (2 * pixels + 15) // 16)
    draw = lambda i, most: most * (2 * ((words[i // 2] >> 32 * (i % 2) & 0xFFFFFFFF) + 0.5) / 2**32 - 1)
    angle, lean = math.radians(draw(0, rotate)), draw(1, shear)
    scales, move = numpy.diag([1 + draw(2, scale), 1 + draw(3, scale)]), (draw(4, shift), draw(5, shift))
    turn = numpy.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    # Along x only the shear is not scaled: turn (scales + lean e_x e_y^T).
    matrix = turn @ (scales + numpy.array([[0, lean], [0, 0]]))
    middle = ((width - 1) / 2, (height - 1) / 2)
    v, u = numpy.mgrid[:height, :width].astype(float)
    u, v = u - middle[0], v - middle[1]
    places = [matrix[i, 0] * u + matrix[i, 1] * v + middle[i] + move[i] for i in range(2)]
    for axis in range(2 if alpha else 0):
        bits = [words[4 + n // 4] >> 16 * (n % 4) & 0xFFFF for n in range(axis * pixels, (axis + 1) * pixels)]
        field = (numpy.array(bits, dtype=float) / 32767.5 - 1).reshape(height, width)
        places[axis] += alpha * ndimage.gaussian_filter(field, sigma, mode="constant",
                                                        truncate=(math.ceil(3 * sigma) + 0.1) / sigma)
    return ndimage.map_coordinates(image, places[::-1], order=1, mode="grid-constant", cval=0)


def make():
    import scipy

    cases = []
    for name, (height, width, *ranges) in CASES.items():
        # Blots with soft edges: what a digit is like.
        v, u = numpy.mgrid[:height, :width]
        image = numpy.zeros((height, width))
        for y, x, size in ((0.3, 0.4, 3), (0.6, 0.55, 4), (0.75, 0.3, 2)):
            image += 255 * numpy.exp(-((v - y * height) ** 2 + (u - x * width) ** 2) / (2 * size))
        image = numpy.minimum(255, image.round())
        result = augment(image, *ranges)
        cases.append({"name": name, "height": height, "width": width, "ranges": ranges,
                      "image": image.astype(int).flatten().tolist(),
                      "result": [float(f"{value:.8g}") for value in result.flatten()]})
    write("augment.json", {"scipy": scipy.__version__, "cases": cases})
