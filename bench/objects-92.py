"""The 92 objects and 16 people's dissimilarities of rsatoolbox_matlab (Demos/92imageData) as plain files for bench/ensemble.mjs --set objects.

python3 bench/objects-92.py DEMOS/92imageData OUT    # needs scipy
"""
import json
import os
import sys

import scipy.io

source, out = sys.argv[1:3]
os.makedirs(out, exist_ok=True)
load = lambda name: scipy.io.loadmat(os.path.join(source, name), squeeze_me=True, struct_as_record=False)
people = [one.RDM.tolist() for one in load('92_behavRDMs.mat')['rdms_behav_92']]
objects = load('Kriegeskorte_Neuron2008_supplementalData.mat')['stimuli_92objs']
with open(os.path.join(out, 'pixels.bin'), 'wb') as file:
    for one in objects:
        file.write(one.image.astype('uint8').tobytes())
height, width, _ = objects[0].image.shape
with open(os.path.join(out, 'objects.json'), 'w') as file:
    json.dump({'width': width, 'height': height, 'labels': [one.category for one in objects], 'people': people}, file)
