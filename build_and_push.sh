#!/usr/bin/env bash
# Builds the image and pushes it to Amazon ECR, tagged VERSION-REVISION; prints what to name in the endpoint's model.
#
#   ./build_and_push.sh [--region REGION] [--account ACCOUNT] [--repository NAME] [--torch REQUIREMENT] [--allow-dirty]
#
#   --region      of the repository; else AWS_REGION, AWS_DEFAULT_REGION or the AWS configuration's
#   --account     whose registry it is, twelve digits; else ACCOUNT, or the caller's own. Another account must have
#                 allowed the caller to push there
#   --repository  else REPOSITORY, or quire; created where it is missing, with scan on push and immutable tags
#   --torch       else TORCH; another torch than the Dockerfile's, such as a build for the CPU; it becomes part of the tag
#   --allow-dirty builds although the work tree differs from its last commit; the tag says so
#
# PIP_INDEX_URL and PIP_EXTRA_INDEX_URL, where they are set, reach the build: where pip finds that torch.
#
# Needs the AWS command line, git, and docker (DOCKER names another program that takes the same arguments). What it says
# goes to stderr; stdout is one line, ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME@sha256:...
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

docker=${DOCKER:-docker}
region=${AWS_REGION:-${AWS_DEFAULT_REGION:-}}
account=${ACCOUNT:-}
repository=${REPOSITORY:-quire}
torch=${TORCH:-}
allow_dirty=

say() { echo "$*" >&2; }

fail() {
    say "build_and_push.sh: $*"
    exit 1
}

while [ $# -gt 0 ]; do
    case $1 in
        --region | --account | --repository | --torch)
            [ $# -ge 2 ] || fail "$1 needs a value"
            declare "${1#--}=$2"
            shift 2
            ;;
        --allow-dirty)
            allow_dirty=yes
            shift
            ;;
        --help)
            sed -n '2,/^set /{/^set /d; s/^# \{0,1\}//; p}' "${BASH_SOURCE[0]}"
            exit
            ;;
        *) fail "unknown argument $1; --help lists them" ;;
    esac
done

for program in aws git "$docker"; do
    command -v "$program" >/dev/null || fail "$program is not on PATH"
done
[ -n "$region" ] || region=$(aws configure get region || true)
[ -n "$region" ] || fail "no region: give --region or set AWS_REGION"
export AWS_REGION=$region AWS_DEFAULT_REGION=$region AWS_PAGER=

# ---- what is built ----

version=$(sed -n 's/^__version__ = "\(.*\)"$/\1/p' quire_endpoint/__init__.py)
[ -n "$version" ] || fail "quire_endpoint/__init__.py names no version"
revision=$(git rev-parse --short=12 HEAD) || fail "this is no git checkout"
tag=$version-$revision
if [ -n "$(git status --porcelain)" ]; then
    [ -n "$allow_dirty" ] || fail "the work tree differs from its last commit: commit, or give --allow-dirty"
    revision=$revision-dirty
    tag=$tag-dirty-$(date -u +%Y%m%dT%H%M%SZ)
fi
[ -z "$torch" ] || tag=$tag-$(tr --complement --squeeze-repeats 'A-Za-z0-9.\n' - <<< "$torch")

# ---- where it goes ----

caller=$(aws sts get-caller-identity --query Account --output text) || fail "AWS does not know the caller: see above"
account=${account:-$caller}
[[ $account =~ ^[0-9]{12}$ ]] || fail "$account is no account: twelve digits"
suffix=amazonaws.com
case $region in cn-*) suffix=amazonaws.com.cn ;; esac
registry=$account.dkr.ecr.$region.$suffix
ecr=(--registry-id "$account" --repository-name "$repository")

digest_in_registry() {
    aws ecr describe-images "${ecr[@]}" --image-ids "imageTag=$tag" --query 'imageDetails[0].imageDigest' --output text
}

if ! said=$(aws ecr describe-repositories --registry-id "$account" --repository-names "$repository" 2>&1 >/dev/null); then
    case $said in
        *RepositoryNotFoundException*) ;;
        *) fail "the registry of $account in $region cannot be asked: $said" ;;
    esac
    [ "$account" = "$caller" ] || say "Creating $repository in the registry of $account, another account than $caller."
    aws ecr create-repository "${ecr[@]}" --image-tag-mutability IMMUTABLE \
        --image-scanning-configuration scanOnPush=true >/dev/null || fail "$repository cannot be created in $account"
    say "Created $registry/$repository: tags are immutable, images are scanned when pushed."
elif digest=$(digest_in_registry 2>/dev/null) && [ "$digest" != None ]; then
    say "$registry/$repository:$tag is there already."
    echo "$registry/$repository@$digest"
    exit
fi

# ---- build, log in, push ----

arguments=(--build-arg "VERSION=$version" --build-arg "REVISION=$revision" --tag "$registry/$repository:$tag")
[ -z "$torch" ] || arguments+=(--build-arg "TORCH=$torch")
for setting in PIP_INDEX_URL PIP_EXTRA_INDEX_URL; do
    [ -z "${!setting:-}" ] || arguments+=(--build-arg "$setting")
done
say "Building $registry/$repository:$tag."
# For SageMaker's machines, from an arm64 laptop too. Without attestations: SageMaker takes an image's manifest, not an
# index of several.
BUILDX_NO_DEFAULT_ATTESTATIONS=1 "$docker" build --platform linux/amd64 "${arguments[@]}" . >&2
aws ecr get-login-password | "$docker" login --username AWS --password-stdin "$registry" >&2
"$docker" push "$registry/$repository:$tag" >&2
digest=$(digest_in_registry) || fail "the registry does not show what was pushed"
say "Pushed $registry/$repository:$tag."
echo "$registry/$repository@$digest"
