# Every worker but the base: its parent, the wheels it adds (if any), its sources. Built by build.
ARG PARENT
FROM ${PARENT} AS wheels
# So that the builder can find this stage and remove it.
LABEL jessica.inputs=stage
USER root
COPY wheels/ /wheels/
# Without the dependencies: they are in the parent, and a second copy would shadow the shared layer.
# The libraries' own tests are a third of their size.
RUN mkdir -p /added && if [ -s /wheels/requirements.txt ]; then \
        PYTHONPATH=$(echo /wheels/pip-*.whl) python3 -m pip install --quiet --no-cache-dir --no-index --find-links /wheels --target /added --no-deps \
            --root-user-action ignore --disable-pip-version-check -r /wheels/requirements.txt \
        && find /added -type d \( -name tests -o -name test \) -prune -exec rm -rf {} + ; fi

FROM ${PARENT}
USER root
COPY --from=wheels /added/ /opt/python/
COPY shared/ /opt/worker/
COPY worker/ /src/
RUN python -m compileall -q /opt/worker /src && PYTHONPATH=$PYTHONPATH:/src python /opt/worker/schema.py predict Runner > .cog/openapi_schema.json
USER worker
